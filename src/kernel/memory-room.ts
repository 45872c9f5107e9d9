// Whether the machine has the memory that is to be reserved.

import { constants } from 'node:os'
import { systemError } from '../errors.js'
import { native } from '../native.js'

/**
 * proc(5), /proc/meminfo, or sysinfo(2) — throws ENOMEM unless at least `length` bytes of memory and
 * swap are free. A memfd has no limit of its own: fallocate(2) would fill the memory until the kernel
 * kills a process.
 */
export function checkRoom(length: number): void {
  const room = native.availableMemory()
  if (room < 0 || length <= room) return
  const remark = ` (the machine has ${room} bytes of memory to spare, and this would take ${length})`
  throw systemError(-constants.errno.ENOMEM, 'fallocate', null, remark)
}
