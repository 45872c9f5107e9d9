// Standard output and standard error.

import { lineFor } from './errors.js'
import { status } from './progress.js'
import { jsonText } from './text.js'

/** Text is collected up to so many characters, since each write is a system call and a turn of Node's streams. */
const collectedCharacters = 2 ** 16
const collectedMs = 100

/**
 * Resolves when the text is written. When writing fails, the error goes to the listener of
 * {@link whenOutputFails}, which ends the process, and the promise never settles.
 */
function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  status.clear()
  return new Promise((resolve) => {
    stream.write(text, (error) => {
      if (!error) resolve()
    })
  })
}

let collected = ''
let since = 0

/** Writes what {@link printSoon} has collected. */
export function flushOutput(): Promise<void> {
  const text = collected
  collected = ''
  return text === '' ? Promise.resolve() : write(process.stdout, text)
}

/** Prints together with what comes next, within a moment. The caller awaits what is returned, if anything. */
export function printSoon(text: string): Promise<void> | undefined {
  if (collected === '') since = performance.now()
  collected += text
  const isMuch = collected.length >= collectedCharacters
  const due = process.stdout.isTTY || isMuch || performance.now() - since >= collectedMs
  return due ? flushOutput() : undefined
}

export async function print(text: string): Promise<void> {
  await flushOutput()
  await write(process.stdout, text)
}

/** One JSON document, with a line for each object. */
export async function printJson(objects: readonly object[]): Promise<void> {
  await print(`[${objects.map(jsonText).join(',\n ')}]\n`)
}

export async function printError(text: string): Promise<void> {
  await flushOutput()
  await write(process.stderr, text)
}

/** Prints an error, of a file that it does not name itself; see {@link lineFor}. */
export function printProblem(error: unknown, file?: string): Promise<void> {
  return printError(`posix-mmap: ${lineFor(error, file)}\n`)
}

/** For an error after which nothing else is written: it does not wait for what is still to be written. */
export function printLastProblem(error: unknown): void {
  process.stderr.write(`posix-mmap: ${lineFor(error)}\n`)
}

/**
 * Calls `end` when a stream can no longer be written to: EPIPE after `| head`, ENOSPC on a full
 * disk.
 */
export function whenOutputFails(end: (error: NodeJS.ErrnoException) => void): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', end)
}
