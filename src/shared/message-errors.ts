// The errors of sending and receiving.

import { constants } from 'node:os'
import { systemError } from '../errors.js'

const { EBUSY, EPIPE, ETIMEDOUT } = constants.errno

/** Nobody sends any more, and to receive there is nothing left. */
export function ringClosed(syscall: string): NodeJS.ErrnoException {
  return systemError(-EPIPE, syscall, null, ' (the ring was closed)')
}

export function otherProducer(syscall: string): NodeJS.ErrnoException {
  const remark = " (the ring was made with producers: 'single', and another thread sends)"
  return systemError(-EBUSY, syscall, null, remark)
}

export function timeIsOver(syscall: string): NodeJS.ErrnoException {
  return systemError(-ETIMEDOUT, syscall)
}

/** As Node's own of this code. */
export function invalidState(reason: string): Error {
  return Object.assign(new Error(`Invalid state: ${reason}`), { code: 'ERR_INVALID_STATE' })
}
