// How much memory can be reserved.

import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { systemError } from '../errors.js'

/**
 * Throws ENOMEM unless the machine has `length` bytes to spare; proc(5), /proc/meminfo. A memfd has no
 * limit of its own: fallocate(2) of a too large one would go on until the kernel kills a process.
 */
export function checkRoom(length: number): void {
  const text = readFileSync('/proc/meminfo', 'utf8')
  const bytes = (name: string) => {
    const [, kibibytes] = new RegExp(`^${name}: *(\\d+) kB$`, 'm').exec(text) ?? []
    return Number(kibibytes ?? Number.POSITIVE_INFINITY) * 1024
  }
  const room = bytes('MemAvailable') + bytes('SwapFree')
  if (length > room) throw systemError(-constants.errno.ENOMEM, 'fallocate')
}
