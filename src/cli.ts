#!/usr/bin/env node
// The program `posix-mmap`.

process.once('uncaughtException', (error) => {
  // An error without a code is a bug of this program, which only its stack can help to find.
  console.error(`posix-mmap: ${'code' in error ? error.message : error.stack}`)
  process.exit(1)
})

// Imported after the handler is set: an addon that cannot be loaded is then reported in one line,
// like every other error.
const { main } = await import('./cli/main.js')
process.exitCode = await main(process.argv.slice(2))
