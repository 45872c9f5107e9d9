// The errors that only locks have.

import { constants } from 'node:os'
import { systemError } from '../errors.js'

export function mutexInconsistent(): Error {
  const message =
    'The lock is unusable: an owner died, and the next one unlocked it without markConsistent()'
  return Object.assign(new Error(message), { code: 'ERR_MUTEX_INCONSISTENT' })
}

export function notOwner(syscall: string): NodeJS.ErrnoException {
  const remark = ' (this thread does not hold the lock)'
  return systemError(-constants.errno.EPERM, syscall, null, remark)
}

/** libuv has no words for it. */
export function wouldDeadlock(syscall: string): NodeJS.ErrnoException {
  const message = `EDEADLK: resource deadlock avoided, ${syscall} (this thread holds the lock already; the asynchronous form waits for its turn)`
  const more = { code: 'EDEADLK', errno: -constants.errno.EDEADLK, syscall }
  return Object.assign(new Error(message), more)
}

export function nothingToRepair(): NodeJS.ErrnoException {
  const remark = ' (no owner died before this thread, or it does not hold the lock)'
  return systemError(-constants.errno.EINVAL, 'markConsistent', null, remark)
}
