#!/usr/bin/env node
// The program `posix-mmap`.

process.once('uncaughtException', (error) => {
  // An error without a code is a bug of this program, which only its stack can help to find.
  const text = `${'code' in error ? error.message : error.stack}`
  // A path in it must not control the terminal.
  console.error(`posix-mmap: ${text.replace(/[^\P{Cc}\n]/gu, '?')}`)
  process.exit(1)
})

// Imported after the handler is set: an addon that cannot be loaded is then reported in one line,
// like every other error.
const { exactWords, main } = await import('./cli/main.js')
process.exitCode = await main(exactWords(process.argv.slice(2)))
