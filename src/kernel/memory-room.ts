// Whether the machine has the memory that is to be reserved.

import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { systemError } from '../errors.js'

/**
 * proc(5), /proc/meminfo — throws ENOMEM unless at least `length` bytes of memory and swap are
 * free. A memfd has no limit of its own: fallocate(2) would fill the memory until the kernel kills
 * a process.
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
