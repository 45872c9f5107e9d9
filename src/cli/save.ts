// posix-mmap save --to PICTURE FILE…

import { type Command, type CommandLine, type ExitCode, exit, UsageError } from './command.js'
import { findFiles, forEachFile } from './files.js'
import { print, printJson } from './output.js'
import { inJson } from './paths.js'
import { assertReplaceable, encodePicture, type PicturedFile, writePicture } from './picture.js'
import { absolute, pictureOf } from './pictured-files.js'
import { FileProgress } from './progress.js'
import { byteCountOf } from './runs.js'
import { selectionHelp, selectionOf, selectionOptions } from './selection.js'
import { escaped } from './text.js'
import { byteSize, counted, percentage } from './units.js'

const help = `Usage: posix-mmap save --to PICTURE [OPTION…] FILE…

Writes a picture of the page cache into the file PICTURE: which bytes of each
FILE are in memory now. After a restart, "warm --from PICTURE" reads the same
bytes in again; "diff PICTURE" shows what has come in and gone out since.
Nothing is read in to find out.

A picture has the absolute paths of the files and no content of them. It is
replaced by a new one in one step, and a file that is not a picture is never
replaced.

  --to PICTURE       the file to write; - is standard output

${selectionHelp}
  --json      an array with an object for each file:
                path, size       in bytes
                pathBytes        in base64, if the path is not UTF-8
                residentBytes    how many of its bytes are in memory
                ranges           in how many ranges these are
  -h, --help  print this text
`

function objectFor({ path, size, runs }: PicturedFile): object {
  return { ...inJson(path), size, residentBytes: byteCountOf(runs), ranges: runs.length / 2 }
}

async function run(line: CommandLine): Promise<ExitCode> {
  const { to, json } = line.options
  if (typeof to !== 'string' || to === '') throw new UsageError('--to PICTURE is missing')
  if (to === '-' && json === true) throw new UsageError('--json needs a file for the picture')
  const selection = await selectionOf(line)
  // Before the work: a slip of the shell, as in `--to *.db`, costs nothing then.
  if (to !== '-') assertReplaceable(to)
  const search = findFiles(selection)
  const progress = new FileProgress(search.files.length)
  const files: PicturedFile[] = []
  const { failures } = await forEachFile(search, (file, _found, index) => {
    const path = absolute(file.path)
    files.push(pictureOf(file, path, selection, progress.of(file, index)))
  })
  // A picture of nothing would take the place of a good one.
  if (files.length === 0 && failures > 0) return exit.failure
  const content = encodePicture(files)
  if (to === '-') await print(content.toString())
  else writePicture(to, content)
  if (json === true) await printJson(files.map(objectFor))
  else if (to !== '-') {
    const bytes = files.reduce((sum, { runs }) => sum + byteCountOf(runs), 0)
    const size = files.reduce((sum, file) => sum + file.size, 0)
    const share = `${byteSize(bytes)} of ${byteSize(size)} resident (${percentage(bytes, size)})`
    const place = `'${escaped(to)}', ${byteSize(content.length)}`
    await print(`${counted(files.length, 'file')}: ${share}, saved in ${place}\n`)
  }
  return failures === 0 ? exit.ok : exit.failure
}

export const save: Command = {
  help,
  options: { ...selectionOptions, to: { type: 'string' } },
  run,
}
