// posix-mmap warm FILE…

import type { CachedFile } from './cached-file.js'
import { applyTo, type Change, changeKeysHelp } from './change.js'
import type { Command } from './command.js'
import { type FoundFile, findFiles } from './files.js'
import { Progress } from './progress.js'
import { readIn } from './read-in.js'

const help = `Usage: posix-mmap warm [--json] FILE…

Reads files into the page cache, with a progress bar on standard error if that
is a terminal, and draws those that are not entirely resident afterwards, since
the kernel may have needed the memory for something else.

A directory stands for all files below it. Symbolic links in it are not
followed.

${changeKeysHelp}`

export const warm: Command = {
  help,
  options: {},
  run({ operands, options }) {
    const search = findFiles(operands)
    const progress = new Progress(search.files.reduce((sum, { size }) => sum + size, 0))
    const change: Change = {
      apply: (file: CachedFile, found: FoundFile) => {
        // The file may have grown since, and the size of a block device was not known before.
        progress.total += file.size - found.size
        readIn(file, (bytes) => progress.advance(bytes, file.path))
      },
      end: () => progress.end(),
      succeeded: ({ pages, resident }) => resident === pages,
      shortfall: 'The page cache has not kept everything.',
      remarks: () => [`${progress.seconds.toFixed(2)} s`, progress.rate],
    }
    return applyTo(search, change, options['json'] === true)
  },
}
