// The errors that tests expect, with the words of Node and of the package.

import os from 'node:os'
import { getSystemErrorMap } from 'node:util'
import { expect } from 'vitest'

export const outOfRange = expect.objectContaining({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
export const invalidType = expect.objectContaining({
  name: 'TypeError',
  code: 'ERR_INVALID_ARG_TYPE',
})
export const invalidValue = expect.objectContaining({
  name: 'TypeError',
  code: 'ERR_INVALID_ARG_VALUE',
})
export const mappingClosed = expect.objectContaining({ code: 'ERR_MAPPING_CLOSED' })

export type Errno = keyof typeof os.constants.errno

/** An error of the kernel in the form of Node's own. */
export function systemError(code: Errno, syscall: string, file?: string): unknown {
  const errno = -os.constants.errno[code]
  const reason = getSystemErrorMap().get(errno)?.[1]
  const message = `${code}: ${reason}, ${syscall}${file === undefined ? '' : ` '${file}'`}`
  const named = file === undefined ? {} : { path: file }
  const words = expect.stringContaining(message)
  return expect.objectContaining({ name: 'Error', code, errno, syscall, message: words, ...named })
}

export function thrownBy(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

/** Lets a test pass values that the types forbid. */
export function untyped(value: unknown): never {
  return value as never
}
