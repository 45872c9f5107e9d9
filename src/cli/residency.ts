// posix-mmap residency FILE…

import { type CachedFile, type FileResidency, residencyOf } from './cached-file.js'
import { hiddenResidency } from './change.js'
import { type Command, exit } from './command.js'
import { findFiles, forEachFile } from './files.js'
import { print, printJson } from './output.js'
import { fileLine, layoutFor, Totals, totalLine } from './picture.js'
import { lookOf } from './terminal.js'

const partsInJson = 64

const help = `Usage: posix-mmap residency [--json] FILE…

Draws which parts of each file are in the page cache. The bar goes from the
first byte of the file to its last, and is as high at each place as the share of
the pages there that are in memory. On a terminal without UTF-8, and where there
is no terminal, it goes from "." (none) over "-", "+" and "*" to "#" (all).
Nothing is read in to find out; mincore(2).

A directory stands for all files below it. Symbolic links in it are not
followed.

  --json      an array with an object for each file:
                path, size       in bytes
                pageSize         in bytes
                pages, resident  how many pages it has and are in memory
                residentBytes    how many of its bytes are in memory
                parts            resident pages of each of at most ${partsInJson} equal
                                 parts; part i of n begins with page
                                 floor(i * pages / n)
  -h, --help  print this text

The kernel reports residency only to the owner of a file and to processes that
may write to it; to all others it would call every page resident. For files of
which it reports nothing, the command fails with EPERM.
`

function reportedResidencyOf(file: CachedFile, parts: number): FileResidency {
  const residency = residencyOf(file, parts)
  if (residency === null) throw hiddenResidency(file.path)
  return residency
}

export const residency: Command = {
  help,
  options: {},
  async run({ operands, options }) {
    const search = findFiles(operands)
    if (options['json'] === true) {
      const found: object[] = []
      const allWell = await forEachFile(search, (file) => {
        found.push({ path: file.path, ...reportedResidencyOf(file, partsInJson) })
      })
      await printJson(found)
      return allWell ? exit.ok : exit.failure
    }
    const look = lookOf(process.stdout)
    const names = search.files.map(({ path }) => path)
    const layout = layoutFor(names, look)
    const totals = new Totals()
    const allWell = await forEachFile(search, async (file) => {
      const reported = reportedResidencyOf(file, layout.bar)
      totals.add(reported)
      await print(fileLine(file.path, reported, layout))
    })
    const { resident, pages, files } = totals
    const counts = `${resident.toLocaleString('en-US')} of ${pages.toLocaleString('en-US')} pages`
    if (files > 0 || allWell) await print(totalLine(totals, [counts], look))
    return allWell ? exit.ok : exit.failure
  },
}
