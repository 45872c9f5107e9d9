// posix-mmap evict FILE…

import { fdatasyncSync } from 'node:fs'
import { dropFromCache } from '../kernel/file-advice.js'
import type { CachedFile } from './cached-file.js'
import { applyTo, changeKeysHelp } from './change.js'
import type { Command } from './command.js'
import { findFiles } from './files.js'

const help = `Usage: posix-mmap evict [--json] FILE…

Drops files from the page cache, and draws those of which something is still
resident: pages that a process has mapped or locked stay, and files on tmpfs are
nowhere else. What was not on the disk yet is written there first, since it
would stay as well; fdatasync(2), posix_fadvise(2).

A directory stands for the files in it and below. Symbolic links in it are not
followed.

${changeKeysHelp}`

/** Writes what is dirty; a file system that has nothing to write to says EINVAL or EROFS. */
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
      shortfall: 'Pages that are mapped or locked stay, and all of tmpfs.',
    }
    return applyTo(findFiles(operands), change, options['json'] === true)
  },
}
