// Which file a descriptor or a path stands for.

import { fstatSync, statSync } from 'node:fs'

/** Device and inode: another file may have the same number or name later; fstat(2), stat(2). */
export function identityOf(file: number | string): string {
  const options = { bigint: true } as const
  const { dev, ino } = typeof file === 'number' ? fstatSync(file, options) : statSync(file, options)
  return `${dev}:${ino}`
}
