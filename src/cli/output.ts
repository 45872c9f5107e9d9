// Standard output and standard error.

/**
 * Resolves when the text is written. When writing fails, the error goes to the listener of
 * {@link whenOutputFails}, which ends the process, and the promise never settles.
 */
function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, (error) => {
      if (!error) resolve()
    })
  })
}

export function print(text: string): Promise<void> {
  return write(process.stdout, text)
}

/** One JSON document, with a line for each object. */
export function printJson(objects: readonly object[]): Promise<void> {
  return print(`[${objects.map((object) => JSON.stringify(object)).join(',\n ')}]\n`)
}

export function printError(text: string): Promise<void> {
  return write(process.stderr, text)
}

/**
 * Calls `end` when a stream can no longer be written to: EPIPE after `| head`, ENOSPC on a full
 * disk.
 */
export function whenOutputFails(end: (error: NodeJS.ErrnoException) => void): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', end)
}
