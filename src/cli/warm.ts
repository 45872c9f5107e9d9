// posix-mmap warm FILE…

import { extentIn } from './byte-range.js'
import type { CachedFile } from './cached-file.js'
import { applyTo, type Change, changeKeysHelp } from './change.js'
import type { Command, CommandLine, ExitCode } from './command.js'
import { type FoundFile, findFiles } from './files.js'
import { Progress } from './progress.js'
import { readIn } from './read-in.js'
import { selectionHelp, selectionOf, selectionOptions } from './selection.js'

const help = `Usage: posix-mmap warm [OPTION…] FILE…

Reads files into the page cache, with a progress bar on standard error if that
is a terminal, and draws those that are not entirely resident afterwards, since
the kernel may have needed the memory for something else.

${selectionHelp}${changeKeysHelp}`

async function warmFiles(line: CommandLine): Promise<ExitCode> {
  const selection = await selectionOf(line)
  const search = findFiles(selection, true)
  const wanted = (size: number) =>
    size > selection.maxSize ? 0 : extentIn(size, selection.range).length
  const progress = new Progress(search.files.reduce((sum, { size }) => sum + wanted(size), 0))
  const change: Change = {
    apply: (file: CachedFile, found: FoundFile) => {
      const extent = extentIn(file.size, selection.range)
      // The file may have grown since, and the size of a block device was not known before.
      progress.total += extent.length - wanted(found.size)
      readIn(file, extent, (bytes) => progress.advance(bytes, file.path))
    },
    succeeded: ({ pages, resident }) => resident === pages,
    shortfall: 'The page cache has not kept everything.',
    remarks: () => [`${progress.seconds.toFixed(2)} s`, progress.rate],
  }
  return applyTo(search, change, line.options['json'] === true)
}

export const warm: Command = {
  help,
  options: selectionOptions,
  run: warmFiles,
}
