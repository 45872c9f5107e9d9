#!/usr/bin/env node
// The program `posix-mmap`.

process.once('uncaughtException', (error) => {
  // An error without a code is a mistake of this program.
  console.error(`posix-mmap: ${'code' in error ? error.message : error.stack}`)
  process.exit(1)
})

// Only now, so that an addon that does not load is told as any other error is.
const { main } = await import('./cli/main.js')
process.exitCode = await main(process.argv.slice(2))
