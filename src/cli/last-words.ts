// The first import of the program, so that an addon that does not load is told as any other error.

import { exit } from './command.js'

process.once('uncaughtException', (error) => {
  // An error without a code is a mistake of this program.
  console.error(`posix-mmap: ${'code' in error ? error.message : error.stack}`)
  process.exit(exit.failure)
})
