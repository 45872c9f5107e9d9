// How much memory can be reserved.

import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { systemError } from './errors.js'

/**
 * fallocate(2) of a memfd goes on until the system kills for memory, for it has no limit of its own.
 * So the kernel is asked first how much there is; proc(5), /proc/meminfo.
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
