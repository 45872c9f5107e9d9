// A file, or part of it, as a region: the sequence of system calls.

import { rangeWithin } from '../arguments.js'
import { invalidArgValue } from '../errors.js'
import { protectionBits, protectionOfAccess, sharingFlag } from '../kernel/protection.js'
import type { Region } from '../mapping/region.js'
import { checked, native, newFileIdentity } from '../native.js'
import { mapRegion } from './map-region.js'
import { type OpenFile, openFile } from './open-file.js'
import { type MapFileSettings, mapFileSettings } from './options.js'

/** Of the file that is being mapped, as its fstat(2) has it. */
const identity = newFileIdentity()

export function mapFileRegion(file: unknown, options: unknown): Region {
  const settings = mapFileSettings(options)
  const { access, size, sparse } = settings
  const source = openFile(file, settings)
  const { fd, path } = source
  try {
    const { offset, length } = rangeOfFile(source, settings)
    const prot = protectionBits(protectionOfAccess(access))
    const flags = sharingFlag(access)
    const request = { fd, offset, length, prot, flags, address: 0, identity }
    // After mmap(2), which may go past the end of a file: what it refuses leaves the file as it was.
    const enlarge = size === undefined ? undefined : () => grow(source, size, sparse)
    return mapRegion(request, settings, { access, path }, enlarge)
  } finally {
    source.close()
  }
}

/** What is to be mapped of a file that will have at least the size asked for. */
function rangeOfFile(source: OpenFile, settings: MapFileSettings) {
  const size = checked(native.fileSize(source.fd, identity), 'fstat', source.path)
  // Character devices have no size; only the kernel knows what can be mapped of them.
  if (size > Number.MAX_SAFE_INTEGER) {
    if (settings.length !== undefined) return { offset: settings.offset, length: settings.length }
    throw invalidArgValue('options.length', undefined, 'is needed for a character device')
  }
  const whole = Math.max(size, settings.size ?? 0)
  return rangeWithin(whole, settings.offset, settings.length, 'options.')
}

function grow({ fd, path }: OpenFile, size: number, sparse: boolean): void {
  if (!sparse && size > 0) checked(native.reserveBlocks(fd, 0, size), 'fallocate', path)
  else if (native.fileSize(fd) < size) checked(native.truncate(fd, size), 'ftruncate', path)
}
