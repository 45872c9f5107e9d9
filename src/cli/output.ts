// Standard output and standard error.

function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()))
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

/** Calls `leave` when nobody reads any more, as after `| head`. */
export function whenReaderLeaves(leave: () => void): void {
  for (const stream of [process.stdout, process.stderr]) {
    // Any other error is what print() rejects with.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') leave()
    })
  }
}
