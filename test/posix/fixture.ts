// Memory that the tests of posix-mmap/posix map, and arguments that none of its calls accepts.

import type { Mapping } from 'posix-mmap'
import { pageSize } from 'posix-mmap'
import { MapFlags, type MmapOptions, mmap, Prot } from 'posix-mmap/posix'
import { pattern, scratchDirectory, withDescriptor } from '../support/files.js'
import { refusals } from '../support/traces.js'

/**
 * The scratch directory of the importing test file: vitest evaluates this module anew for each
 * file.
 */
export const scratch = scratchDirectory()
export const page = pageSize
export const size = 3 * page + 100
export const content = pattern(size)
export const { READ, WRITE, EXEC, NONE } = Prot
export const { SHARED, SHARED_VALIDATE, PRIVATE, ANONYMOUS, FIXED, FIXED_NOREPLACE } = MapFlags
export const anonymousMemory = { prot: READ | WRITE, flags: PRIVATE | ANONYMOUS }

export function file(): string {
  return scratch.file('file', content)
}

/** mmap() of a file that is closed again. */
export function mmapFile(path: string, flags: string, options: Partial<MmapOptions> = {}): Mapping {
  return withDescriptor(path, flags, (fd) =>
    mmap({ length: size, prot: READ, flags: SHARED, fd, ...options }),
  )
}

export function filledAnonymous(length = size): Mapping {
  const mapping = mmap({ length, ...anonymousMemory })
  mapping.bytes().set(pattern(length))
  return mapping
}

export const { expectThrown, expectEachThrown } = refusals(scratch.directory)

/** Values that are not an `int`, by their type and by their value. */
export const noNumber: unknown[] = [null, '1', 1n, true, {}, [], Symbol('1')]
export const noInt32: unknown[] = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 53]
/** Values that are not a number of bytes, by their type and by their value. */
export const noCount: unknown[] = [null, '1', true, {}, [], Symbol('1')]
export const noByteCount: unknown[] = [
  ...[-1, -1n, 0.5, Number.NaN, Number.POSITIVE_INFINITY],
  2 ** 53,
]
/** Values that are not a name. */
export const noName: unknown[] = [undefined, null, 1, true, {}, Buffer.from('name')]
