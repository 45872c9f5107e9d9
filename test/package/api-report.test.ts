// scripts/api-report.js, which CI runs with --check, must fail when the public API has changed.

import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { scratchDirectory } from '../support/files.js'
import { projectRoot, runCommand } from '../support/processes.js'

const scratch = scratchDirectory()
const manifest = JSON.parse(fs.readFileSync(path.join(projectRoot, 'package.json'), 'utf8'))
const declarations = path.join(scratch.directory, 'dist')

beforeEach(() => {
  fs.cpSync(path.join(projectRoot, 'dist'), declarations, { recursive: true })
})

function change(name: string, edit: (text: string) => string): void {
  const file = path.join(declarations, name)
  const text = fs.readFileSync(file, 'utf8')
  const edited = edit(text)
  expect(edited).not.toBe(text)
  fs.writeFileSync(file, edited)
}

const check = () =>
  runCommand(process.execPath, 'scripts/api-report.js', '--check', '--types', declarations)

const changed = (stdout: string) => stdout.split('\n').filter((line) => /^[-+](?![-+])/.test(line))

it('there is a report for each entry that has types', () => {
  const specifiers = Object.keys(manifest.exports).filter((name) => manifest.exports[name].types)
  const names = specifiers.map((name) => (name === '.' ? 'index' : name.slice(2)))
  expect(names).toEqual(expect.arrayContaining(['index', 'posix']))
  const reports = fs.readdirSync(path.join(projectRoot, 'docs/api-report'))
  expect(reports.sort()).toEqual(names.map((name) => `${name}.api.md`).sort())
})

describe('the check', { timeout: 180_000 }, () => {
  it('passes for the committed reports', async () => {
    const { code, stdout, stderr } = await check()
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  it('fails when a signature has changed or a name was added or removed, and names them', async () => {
    change('posix.d.ts', (text) =>
      text.replace('munmap(mapping: Mapping): void', 'munmap(mapping: Mapping): boolean'),
    )
    change('index.d.ts', (text) =>
      text
        .replace(
          /^export \{ type Limits, limits \}.*$/m,
          "export type { Limits } from './limits.js';",
        )
        .concat('\nexport declare const one: 1;\n'),
    )
    const { code, stderr } = await check()
    expect(code).toBe(1)
    expect(changed(stderr)).toEqual(
      expect.arrayContaining([
        '-export function munmap(mapping: Mapping): void;',
        '+export function munmap(mapping: Mapping): boolean;',
        '-export function limits(): Limits;',
        '+export const one: 1;',
      ]),
    )
    expect(stderr).toContain('npm run api')
  })

  it('fails for a name, an option and an enum member without a doc comment', async () => {
    change('map/options.d.ts', (text) =>
      text.replace(/\/\*\* Where in the file[^*]*\*\/\s*(?=offset)/, ''),
    )
    change('posix.d.ts', (text) => `${text}\nexport declare const nameless: 1;\n`)
    change('kernel/flags.d.ts', (text) => text.replace(/\/\*\* Pages may be read\. \*\/\s*/, ''))
    const { code, stderr } = await check()
    expect(code).toBe(1)
    expect(stderr).toContain('have no doc comment')
    expect(stderr).toContain('index: offset?: number | bigint | undefined;')
    expect(stderr).toContain('posix: export const nameless: 1;')
    expect(stderr).toContain('posix: READ = 1,')
  })

  it('fails for a comment without an error, a unit or a system call, or with another section', async () => {
    change('map/options.d.ts', (text) =>
      text.replace('In bytes, default the rest', 'Default the rest'),
    )
    change('posix.d.ts', (text) =>
      text
        .replace(' * @throws ERR_INVALID_ARG_TYPE for anything that is not a mapping\n', '')
        .replace(' * @param newLength in bytes, at least 1', ' * @param newLength at least 1')
        .replace(' * shm_unlink(3).', ' * Removes a name.')
        .replace(' * munlock(2).', ' * munlock(3).'),
    )
    change('sync/semaphore.d.ts', (text) =>
      text.replace('Waiting is done with futex(2).', '').replace('Never throws.', ''),
    )
    const { code, stderr } = await check()
    expect(code).toBe(1)
    const [, list = ''] = stderr.split('leave something out:\n')
    expect(list.split('\n\n', 1)[0]?.split('\n')).toEqual(
      expect.arrayContaining([
        'MapFileOptions.length: a number without a unit',
        'munmap: no @throws',
        'mremap.newLength: a number without a unit',
        'shmUnlink: no system call',
        'munlock: munlock(2) elsewhere',
        'Semaphore.tryWait: no @throws',
        'Semaphore.post: no system call',
      ]),
    )
    expect(list).not.toContain('mapFile:')
  })
})
