// posix-mmap warm FILE… and posix-mmap warm --from PICTURE

import { extentIn } from './byte-range.js'
import { runsOf } from './cached-pages.js'
import { applyTo, type Change, changeKeysHelp } from './change.js'
import { type Command, type CommandLine, type ExitCode, UsageError } from './command.js'
import { findFiles } from './files.js'
import { conditionOf, isChanged } from './picture.js'
import { readPictured } from './pictured-files.js'
import { Progress } from './progress.js'
import { readIn, readRunsIn } from './read-in.js'
import { byteCountOf, within, without } from './runs.js'
import { selectionHelp, selectionOf, selectionOptions } from './selection.js'
import { counted } from './units.js'

const help = `Usage: posix-mmap warm [OPTION…] FILE…
       posix-mmap warm --from PICTURE [OPTION…] [FILE…]

Reads files into the page cache, with a progress bar on standard error if that
is a terminal, and draws those that are not entirely resident afterwards, since
the kernel may have needed the memory for something else.

  --from PICTURE     what was resident when "save" made the picture, and nothing
                     else: of all its files, or of those that are FILE or below
                     it. What a file no longer has is left out, and files that
                     have changed since are counted. - is standard input

${selectionHelp}${changeKeysHelp}
With --from, the objects have a key changed: whether the file has changed since.
`

async function warmFiles(line: CommandLine): Promise<ExitCode> {
  const selection = await selectionOf(line)
  const search = findFiles(selection, true)
  const wanted = (size: number) =>
    size > selection.maxSize ? 0 : extentIn(size, selection.range).length
  const progress = new Progress(search.files.reduce((sum, { size }) => sum + wanted(size), 0))
  const change: Change = {
    apply: (file, found, before) => {
      const extent = extentIn(file.size, selection.range)
      const isThere = before !== null && before.resident === before.pages
      const rest = isThere ? 0 : extent.length
      // The file may have grown since, and the size of a block device was not known before.
      progress.total += rest - wanted(found.size)
      if (isThere) return false
      readIn(file, extent, (bytes) => progress.advance(bytes, file.path))
      return true
    },
    succeeded: ({ pages, resident }) => resident === pages,
    shortfall: 'The page cache has not kept everything.',
    remarks: () => progress.remarks,
  }
  return applyTo(search, change, line.options['json'] === true)
}

async function warmFrom(picture: string, line: CommandLine): Promise<ExitCode> {
  const selection = await selectionOf(line, true)
  const entries = await readPictured(picture, selection)
  const files = [...entries.values()].map(({ path, runs }) => ({ path, size: byteCountOf(runs) }))
  const progress = new Progress(files.reduce((sum, { size }) => sum + size, 0))
  /** Paths of files that are not as they were. */
  const changed = new Set<string>()
  const change: Change = {
    apply: (file, found) => {
      const entry = entries.get(found.path)
      if (entry === undefined) return false
      if (isChanged(entry, conditionOf(file))) changed.add(file.path)
      const runs = within(entry.runs, 0, file.size)
      progress.total += byteCountOf(runs) - found.size
      readRunsIn(file, runs, (bytes) => progress.advance(bytes, file.path))
      return true
    },
    succeeded: (_after, file) => {
      const runs = within(entries.get(file.path)?.runs ?? [], 0, file.size)
      return without(runs, runsOf(file) ?? runs).length === 0
    },
    shortfall: 'The page cache has not kept everything.',
    remarks: () => progress.remarks,
    notes: () =>
      changed.size === 0 ? [] : [`${counted(changed.size, 'file')} changed since the picture`],
    details: (file) => ({ changed: changed.has(file.path) }),
  }
  return applyTo({ files, problems: [], selection }, change, line.options['json'] === true)
}

export const warm: Command = {
  help,
  options: { ...selectionOptions, from: { type: 'string' } },
  run(line: CommandLine): Promise<ExitCode> {
    const { from } = line.options
    if (from === '') throw new UsageError('--from takes a PICTURE')
    return typeof from === 'string' ? warmFrom(from, line) : warmFiles(line)
  },
}
