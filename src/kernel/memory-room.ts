// How much memory can be reserved.

import { constants } from 'node:os'
import { systemError } from '../errors.js'
import { native } from '../native.js'

/**
 * Throws ENOMEM unless the machine has `length` bytes to spare; proc(5), /proc/meminfo, or sysinfo(2). A
 * memfd has no limit of its own: fallocate(2) of a too large one would go on until the kernel kills a
 * process.
 */
export function checkRoom(length: number): void {
  const room = native.availableMemory()
  if (room < 0 || length <= room) return
  const remark = ` (the machine has ${room} bytes of memory to spare, and this would take ${length})`
  throw systemError(-constants.errno.ENOMEM, 'fallocate', null, remark)
}
