// Which file a descriptor or a path refers to.

import { fstatSync, statSync } from 'node:fs'

/**
 * fstat(2), stat(2) — device and inode of a file. They tell it from another file that has got the
 * same descriptor number or the same name since.
 */
export function identityOf(file: number | string): string {
  const options = { bigint: true } as const
  const { dev, ino } = typeof file === 'number' ? fstatSync(file, options) : statSync(file, options)
  return `${dev}:${ino}`
}
