#!/usr/bin/env node
// The program `posix-mmap`.

import './cli/last-words.js'
import { main } from './cli/main.js'

main(process.argv.slice(2)).then((code) => {
  process.exitCode = code
})
