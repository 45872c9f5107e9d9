import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  hasTerminals,
  lines,
  noTerminals,
  onTerminal,
  posixMmap,
  program,
  withoutStatus,
} from '../support/cli.js'
import { scratchDirectory } from '../support/files.js'
import { projectRoot, runCommand } from '../support/processes.js'

const scratch = scratchDirectory()
const manifest = JSON.parse(fs.readFileSync(path.join(projectRoot, 'package.json'), 'utf8'))
const commands = ['residency', 'warm', 'evict', 'save', 'diff', 'maps']

it('is the file that package.json names, and can be executed', async () => {
  expect(manifest.bin).toEqual({ 'posix-mmap': 'dist/cli.js' })
  fs.accessSync(program, fs.constants.X_OK)
  const link = path.join(scratch.directory, 'posix-mmap')
  fs.symlinkSync(program, link)
  const { code, stdout } = await runCommand(link, '--version')
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${manifest.version}\n` })
})

it('names what is missing if no addon loads, without a stack', async () => {
  const copy = path.join(scratch.directory, 'copy')
  fs.cpSync(path.join(projectRoot, 'dist'), path.join(copy, 'dist'), { recursive: true })
  fs.cpSync(path.join(projectRoot, 'package.json'), path.join(copy, 'package.json'))
  fs.symlinkSync(path.join(projectRoot, 'node_modules'), path.join(copy, 'node_modules'))
  const { code, stdout, stderr } = await runCommand(path.join(copy, 'dist/cli.js'), '--help')
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^posix-mmap: posix-mmap has no binary that loads on linux-[^\n]*\n$/)
})

describe('help', () => {
  it.each([['--help'], ['-h']])('%s names every command and the exit codes', async (option) => {
    const { code, stdout, stderr } = await posixMmap(option)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ +${command} `, 'm'))
    expect(stdout).toContain('Exit codes')
  })

  it('goes to standard error without a command, which is wrong usage', async () => {
    const { code, stdout, stderr } = await posixMmap()
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toBe((await posixMmap('--help')).stdout)
  })

  it.each(commands)('%s --help fits 80 columns', async (command) => {
    const { code, stdout, stderr } = await posixMmap(command, '--help')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(new RegExp(`^Usage: posix-mmap ${command} `))
    for (const option of ['--json', '--help']) expect(stdout).toContain(option)
    for (const line of lines(stdout)) expect(line.length).toBeLessThanOrEqual(80)
  })
})

describe('wrong usage is reported, with exit code 2', () => {
  it.each([
    [['frobnicate'], "there is no command 'frobnicate'", ''],
    [['--frobnicate'], "there is no option '--frobnicate'", ''],
    [['constructor'], "there is no command 'constructor'", ''],
    [['residency'], 'FILE is missing', 'residency '],
    [['residncy', '/'], "there is no command 'residncy'; did you mean 'residency'?", ''],
    [['--versoin'], "there is no option '--versoin'; did you mean '--version'?", ''],
    [['residency', '--frobnicate', '/'], "there is no option '--frobnicate'", 'residency '],
    [['residency', '--exlude=x', '/'], "'--exlude'; did you mean '--exclude'?", 'residency '],
    [['evict', '-x', '/'], "there is no option '-x'", 'evict '],
    [['maps', '--range', '1', 'self'], "there is no option '--range'", 'maps '],
    [['warm', '--max-size', 'big', '/'], '--max-size takes a size such as 5000', 'warm '],
    [['warm', '--max-size'], "Option '--max-size <value>' argument missing", 'warm '],
    [['evict', '--range', '5-1', '/'], "--range ends before it starts: '5-1'", 'evict '],
    [['residency', '--exclude', '', '/'], '--exclude takes a pattern', 'residency '],
    [['residency', '--watch=soon', '/'], '--watch takes 0.1 to 86400 seconds', 'residency '],
    [['save', '/'], '--to PICTURE is missing', 'save '],
    [['save', '--to', '-', '--json', '/'], '--json needs a file for the picture', 'save '],
    [['save', '--to', '/dev/null'], 'FILE is missing', 'save '],
    [['warm', '--from=', '/'], '--from takes a PICTURE', 'warm '],
    [['diff'], 'PICTURE is missing', 'diff '],
    [['residency', '--\u001b[31m\nforged', '/'], "'--\\x1b[31m\\nforged'", 'residency '],
    [['\u001b]0;title\u0007'], "'\\x1b]0;title\\x07'", ''],
    [['warm', '--json=yes', '/'], "Option '--json' does not take an argument", 'warm '],
    [['evict'], 'FILE is missing', 'evict '],
    [['maps'], 'PID is missing', 'maps '],
    [['maps', '1', '2'], 'maps takes one PID', 'maps '],
    [['maps', '../self'], "'../self' is not a process id", 'maps '],
    [['maps', '0'], "'0' is not a process id", 'maps '],
    [['maps', '--sort', 'colour', '1'], '--sort takes address, size, resident, shared', 'maps '],
  ])('%j', async (args, message, command) => {
    const { code, stdout, stderr } = await posixMmap(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^posix-mmap: /)
    expect(stderr).toContain(message)
    expect(stderr).toContain(`\nTry 'posix-mmap ${command}--help'.\n`)
  })
})

describe('output that cannot be written', () => {
  const many = path.join(scratch.directory, 'many')
  fs.mkdirSync(many)
  for (let i = 0; i < 2000; i++) fs.writeFileSync(path.join(many, `${i}`), `${i}`)
  const shell = (script: string) => runCommand('sh', '-c', script, process.execPath, program, many)

  it('to a reader that has ended, such as head, ends the program quietly', async () => {
    const { stdout, stderr } = await shell('{ "$0" "$1" residency "$2"; echo $? >&2; } | head -n 1')
    expect(lines(stdout)).toHaveLength(1)
    expect(stderr).toBe('0\n')
  })

  it('to a full disk is reported once, with exit code 1', async () => {
    const { code, stderr } = await shell('"$0" "$1" residency "$2" >/dev/full')
    expect(stderr).toBe('posix-mmap: ENOSPC: no space left on device, write\n')
    expect(code).toBe(1)
  })
})

describe('colours', () => {
  const file = scratch.file('file', 'content')

  it.for<[Record<string, string>, boolean]>([
    [{}, true],
    [{ NO_COLOR: '1' }, false],
    [{ TERM: 'dumb' }, false],
  ])('on a terminal with %o: %s', async ([environment, expected], { skip }) => {
    if (!hasTerminals) skip(noTerminals)
    const text = withoutStatus(await onTerminal(environment, 80, 'residency', file))
    expect(text.includes('\u001b[')).toBe(expected)
  })

  it('are not printed where there is no terminal', async () => {
    const { stdout } = await posixMmap('residency', file)
    expect(stdout).toMatch(/^[\n -~]+$/)
  })
})
