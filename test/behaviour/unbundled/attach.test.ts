// Loads the modules of src/ one by one, as a bundler or a debugger may: no module may rely on
// another that it does not import.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { scratchDirectory } from '../../support/files.js'
import { projectRoot, runCommand } from '../../support/processes.js'

const { directory } = scratchDirectory()

beforeAll(() => {
  const output = path.join(directory, 'dist')
  const tsc = path.join(projectRoot, 'node_modules/typescript/bin/tsc')
  const options = ['--declaration', 'false', '--emitDeclarationOnly', 'false', '--outDir', output]
  const flags = ['-p', 'tsconfig.build.json', '--declarationMap', 'false', ...options]
  execFileSync(process.execPath, [tsc, ...flags], { cwd: projectRoot })
  for (const name of ['build', 'node_modules', 'package.json', 'prebuilds']) {
    fs.symlinkSync(path.join(projectRoot, name), path.join(directory, name))
  }
}, 120_000)

async function runModule(script: string): Promise<string> {
  const file = path.join(directory, `${Math.random()}.mjs`)
  fs.writeFileSync(file, script)
  const { code, signal, stdout, stderr } = await runCommand(process.execPath, file)
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  return stdout.trim()
}

describe('without a bundle', () => {
  it("a program that imports 'posix-mmap/posix' alone attaches shared memory as SharedMemory", async () => {
    const printed = await runModule(`
      import { Worker, isMainThread, workerData } from 'node:worker_threads'
      if (isMainThread) {
        const { SharedMemory } = await import('./dist/index.js')
        const memory = SharedMemory.create(10)
        new Worker(new URL(import.meta.url), { workerData: memory.share() })
      } else {
        const { Mapping } = await import('./dist/posix.js')
        const attached = Mapping.attach(workerData)
        console.log(attached.constructor.name, attached.fd > 2, attached.seals.includes('grow'))
      }`)
    expect(printed).toBe('SharedMemory true true')
  })

  it('each module can be the first that is loaded', async () => {
    const modules = fs
      .readdirSync(path.join(directory, 'dist'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.js') && name !== 'cli.js')
    expect(modules.length).toBeGreaterThan(40)
    const failures = await runModule(`
      import { execFileSync } from 'node:child_process'
      const failed = []
      for (const name of ${JSON.stringify(modules)}) {
        try {
          const script = 'await import("./dist/' + name + '")'
          const options = { cwd: import.meta.dirname, stdio: 'pipe' }
          execFileSync(process.execPath, ['--input-type=module', '--eval', script], options)
        } catch (error) {
          failed.push(name + ': ' + error.stderr)
        }
      }
      console.log(JSON.stringify(failed))`)
    expect(JSON.parse(failures)).toEqual([])
  })
})
