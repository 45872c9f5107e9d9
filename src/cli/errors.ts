// The errors of the program itself, and the one place where a problem becomes a line of text.

import type { Stats } from 'node:fs'
import { constants } from 'node:os'
import { systemError } from '../errors.js'
import { bytesOf } from './paths.js'
import { escaped, harmless } from './text.js'

/** Of a file that has no pages in the page cache. */
export function notInThePageCache(path: string, stats: Stats): Error {
  const kind = stats.isFIFO() ? 'FIFO' : stats.isSocket() ? 'socket' : 'character device'
  const remark = ` (a ${kind} has no pages in the page cache)`
  return systemError(-constants.errno.ENODEV, 'open', path, remark)
}

export function hiddenResidency(path: string): Error {
  const remark =
    ' (the kernel reports it only to the owner of the file and to processes that may write to it)'
  return systemError(-constants.errno.EPERM, 'mincore', path, remark)
}

/** fstat(2) of a file that was opened, which the addon refuses for what has pages of another kind. */
export function unusableFile(errno: number, path: string): Error {
  const hugetlbfs = errno === -constants.errno.EOPNOTSUPP
  const remark = hugetlbfs ? ' (a file of hugetlbfs has no pages in the page cache)' : ''
  return systemError(errno, 'fstat', path, remark)
}

/** A saved picture of the cache that cannot be used. */
export function badPicture(path: string, reason: string): Error {
  return new Error(`'${escaped(path)}' ${reason}`)
}

/**
 * An error as one line, in which no name controls the terminal.
 *
 * @param file what the program was working on, for an error of a call on a descriptor, which has no path,
 *   and one of a path whose bytes are not UTF-8, of which Node has lost some
 */
export function lineFor(error: unknown, file?: string): string {
  const { message, path } = error as NodeJS.ErrnoException
  if (path === undefined) {
    return harmless(file === undefined ? message : `${message} '${escaped(file)}'`)
  }
  const name = file !== undefined && bytesOf(file).toString() === path ? file : path
  return harmless(message.replace(`'${path}'`, () => `'${escaped(name)}'`))
}
