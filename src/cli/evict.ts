// posix-mmap evict FILE…

import { fdatasyncSync } from 'node:fs'
import { pageSize } from '../index.js'
import { dropFromCache } from '../kernel/file-advice.js'
import { type ByteRange, extentIn } from './byte-range.js'
import type { CachedFile } from './cached-file.js'
import type { FileResidency } from './cached-pages.js'
import { applyTo, changeKeysHelp } from './change.js'
import type { Command } from './command.js'
import { type FoundFile, findFiles } from './files.js'
import { selectionHelp, selectionOf, selectionOptions } from './selection.js'

const help = `Usage: posix-mmap evict [OPTION…] FILE…

Drops files from the page cache, and draws those that are still resident in
part: pages that a process has mapped or locked stay in memory, and so do files
on tmpfs, which are stored nowhere else. Dirty pages are first written to the
disk, because the kernel would keep them too; fdatasync(2), posix_fadvise(2).

${selectionHelp}${changeKeysHelp}`

/** Writes dirty pages to the disk. EINVAL and EROFS: the file system has nowhere to write them. */
function writeBack({ fd }: CachedFile): void {
  try {
    fdatasyncSync(fd)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EINVAL' && code !== 'EROFS') throw error
  }
}

/** posix_fadvise(2) on all pages in which the range has a byte. */
function drop(file: CachedFile, range: ByteRange): void {
  const { offset, length } = extentIn(file.size, range)
  const first = Math.floor(offset / pageSize) * pageSize
  const end = Math.ceil((offset + length) / pageSize) * pageSize
  if (length > 0) dropFromCache(file.fd, first, end - first, file.path)
}

export const evict: Command = {
  help,
  options: selectionOptions,
  async run(line) {
    const selection = await selectionOf(line)
    const change = {
      apply: (file: CachedFile, _found: FoundFile, before: FileResidency | null) => {
        if (before?.resident === 0) return false
        writeBack(file)
        drop(file, selection.range)
        return true
      },
      succeeded: ({ resident }: FileResidency) => resident === 0,
      shortfall: 'Pages that are mapped or locked stay in memory, and so does all of tmpfs.',
    }
    return applyTo(findFiles(selection), change, line.options['json'] === true)
  },
}
