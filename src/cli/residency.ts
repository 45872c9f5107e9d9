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

Draws which parts of each file are in the page cache: a bar from its first byte
to its last, as high at each place as the share of pages there that are in
memory (on a terminal without UTF-8, and where there is none, from "." none over
"-", "+" and "*" to "#" all). Nothing is read in to find out; mincore(2).

A directory stands for the files in it and below. Symbolic links in it are not
followed.

  --json      an array with an object for each file:
                path, size       in bytes
                pageSize         in bytes
                pages, resident  how many pages it has and are in memory
                residentBytes    how many of its bytes are in memory
                parts            resident pages of each of at most ${partsInJson} equal
                                 parts; part i of n begins with page
                                 floor(i * pages / n)
  -h, --help  this

The kernel tells only the owner of a file and who may write to it; of others'
files it would call everything resident. These are an error here (EPERM).
`

function residencyToldOf(file: CachedFile, parts: number): FileResidency {
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
        found.push({ path: file.path, ...residencyToldOf(file, partsInJson) })
      })
      await printJson(found)
      return allWell ? exit.ok : exit.failure
    }
    const look = lookOf(process.stdout)
    const names = search.files.map(({ path }) => path)
    const layout = layoutFor(names, look)
    const totals = new Totals()
    const allWell = await forEachFile(search, async (file) => {
      const told = residencyToldOf(file, layout.bar)
      totals.add(told)
      await print(fileLine(file.path, told, layout))
    })
    const { resident, pages, files } = totals
    const counts = `${resident.toLocaleString('en-US')} of ${pages.toLocaleString('en-US')} pages`
    if (files > 0 || allWell) await print(totalLine(totals, [counts], look))
    return allWell ? exit.ok : exit.failure
  },
}
