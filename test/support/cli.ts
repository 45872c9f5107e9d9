// Runs the program posix-mmap as its users do.

import fs from 'node:fs'
import path from 'node:path'
import { mapFile } from 'posix-mmap'
import { native } from '../../dist/internals.js'
import { type Finished, projectRoot, run, runCommand } from './processes.js'

// Lines are as long as this says, in a shell that exports it.
delete process.env['COLUMNS']

export const program = path.join(projectRoot, 'dist/cli.js')

/** Runs `posix-mmap …args`, with pipes for standard output and standard error. */
export function posixMmap(...args: string[]): Promise<Finished> {
  return runCommand(process.execPath, program, ...args)
}

/** The JSON that `posix-mmap …args` prints; its exit code must be 0. */
export async function jsonOf<T>(...args: string[]): Promise<T[]> {
  const { code, stdout, stderr } = await posixMmap(...args)
  if (code !== 0) throw new Error(`ended with ${code}: ${stderr}`)
  return JSON.parse(stdout)
}

/** Runs `posix-mmap …args` as a user who owns no files. */
export async function asNobody(...args: string[]): Promise<Finished> {
  return run(`
    if (process.getuid() === 0) { process.setgroups([]); process.setgid(65534); process.setuid(65534) }
    const { main } = await import('./dist/internals.js')
    process.exitCode = await main(${JSON.stringify(args)})`)
}

/** Runs `posix-mmap …args` in a shell, of which `args` are words: so any bytes can be in them. */
export function inShell(args: string): Promise<Finished> {
  return runCommand('sh', '-c', `"$0" "$1" ${args}`, process.execPath, program)
}

/** Whether script(1) is installed, which runs a command in a terminal of its own. */
export const hasTerminals: boolean = fs.existsSync('/usr/bin/script')
export const noTerminals = 'needs script(1) of util-linux'

/** Everything that a command writes to a terminal. */
export async function terminalOf(
  environment: Record<string, string>,
  columns: number,
  ...command: string[]
): Promise<string> {
  const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`
  const variables = Object.entries({ LC_ALL: 'C.UTF-8', TERM: 'xterm', ...environment })
  const words = [
    'env',
    ...['CI', 'NO_COLOR', 'FORCE_COLOR', 'NODE_DISABLE_COLORS'].flatMap((name) => ['-u', name]),
    ...variables.map(([name, value]) => `${name}=${value}`),
    ...command,
  ]
  const line = `stty cols ${columns} -opost; ${words.map(quote).join(' ')}`
  const { code, stdout } = await runCommand('script', '-qec', line, '/dev/null')
  if (code !== 0) throw new Error(`ended with ${code}: ${stdout}`)
  return stdout
}

/** Everything that `posix-mmap …args` writes to a terminal. */
export function onTerminal(
  environment: Record<string, string>,
  columns: number,
  ...args: string[]
): Promise<string> {
  return terminalOf(environment, columns, process.execPath, program, ...args)
}

/** Text as a terminal without colours shows it. */
export function withoutColours(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to remove
  return text.replace(/\u001b\[[\d;]*m/g, '')
}

/** Text without the line of progress, which appears where something takes long. */
export function withoutStatus(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequence that clears a line
  return text.replace(/\r[^\r\n]*\u001b\[K/g, '')
}

export function lines(text: string): string[] {
  return text.trimEnd().split('\n')
}

/** A byte for each page of a file: 1 if it is in memory, 0 if not. */
export function vectorOf(file: string): Uint8Array {
  using mapping = mapFile(file)
  return mapping.residency().vector
}

export function residentPages(file: string): number {
  return vectorOf(file).reduce((sum, page) => sum + page, 0)
}

/** Drops a file from the page cache without the program. False if the file system cannot. */
export function drop(file: string): boolean {
  const fd = fs.openSync(file, 'r')
  fs.fsyncSync(fd)
  const dontNeed = native.constants['POSIX_FADV_DONTNEED'] ?? -1
  const result = native.fileAdvice(fd, 0, 0, dontNeed)
  fs.closeSync(fd)
  if (result !== 0) throw new Error(`posix_fadvise: ${result}`)
  return residentPages(file) === 0
}

/** Reads bytes of a file, which brings their pages into memory, and some after them. */
export function touch(file: string, offset: number, length: number): void {
  const fd = fs.openSync(file, 'r')
  fs.readSync(fd, Buffer.alloc(length), 0, length, offset)
  fs.closeSync(fd)
}

/**
 * Options for tests of residency, which are tried again: the kernel may drop a page of a file at
 * any time, and on some machines it does so every few seconds. Each try prepares the file anew.
 */
export const pagesMayGo = { retry: 5 }

export const mebibyte = 2 ** 20
