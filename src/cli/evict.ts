// posix-mmap evict FILE…

import { fdatasyncSync } from 'node:fs'
import { dropFromCache } from '../kernel/file-advice.js'
import type { CachedFile } from './cached-file.js'
import { applyTo, changeKeysHelp } from './change.js'
import type { Command } from './command.js'
import { findFiles } from './files.js'

const help = `Usage: posix-mmap evict [--json] FILE…

Drops files from the page cache, and draws those that are still resident in
part: pages that a process has mapped or locked stay in memory, and so do files
on tmpfs, which are stored nowhere else. Dirty pages are first written to the
disk, because the kernel would keep them too; fdatasync(2), posix_fadvise(2).

A directory stands for all files below it. Symbolic links in it are not
followed.

${changeKeysHelp}`

/** Writes dirty pages to the disk. EINVAL and EROFS: the file system has nowhere to write them. */
function writeBack({ fd }: CachedFile): void {
  try {
    fdatasyncSync(fd)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EINVAL' && code !== 'EROFS') throw error
  }
}

export const evict: Command = {
  help,
  options: {},
  run({ operands, options }) {
    const change = {
      apply: (file: CachedFile) => {
        writeBack(file)
        dropFromCache(file.fd, file.path)
      },
      succeeded: ({ resident }: { resident: number }) => resident === 0,
      shortfall: 'Pages that are mapped or locked stay in memory, and so does all of tmpfs.',
    }
    return applyTo(findFiles(operands), change, options['json'] === true)
  },
}
