// A file, or part of it, as a region.

import { rangeWithin } from '../arguments.js'
import { invalidArgValue, outOfRange, systemError } from '../errors.js'
import { fileSystemRemark } from '../kernel/file-system.js'
import { protectionBits, protectionOfAccess, sharingFlag } from '../kernel/protection.js'
import type { Region } from '../mapping/region.js'
import { checked, fileSteps, native } from '../native.js'
import { regionOfHandle } from './map-region.js'
import { type FileSource, fileSource } from './open-file.js'
import { type MapFileSettings, mapFileSettings } from './options.js'

export function mapFileRegion(file: unknown, options: unknown): Region {
  const settings = mapFileSettings(options)
  const source = fileSource(file, settings)
  const { access, offset, mode, sparse, hugePages } = settings
  const prot = protectionBits(protectionOfAccess(access))
  const sharing = sharingFlag(access)
  const [handle, length, flags, step, error, fileSize, fileSystem] = native.mapFile(
    source.file,
    source.openFlags,
    mode,
    offset,
    settings.length ?? -1,
    settings.size ?? -1,
    sparse,
    prot,
    sharing,
    hugePages,
    access === 'read',
    settings.keepLocks,
  )
  if (step !== 0) throwFailure(source, settings, step, error, fileSize, fileSystem)
  if (settings.create !== false && length === 0) warnOfNothing(settings, source.path)
  const fd = source.path === null ? (source.file as number) : -1
  const request = { fd, offset, length, prot, flags, address: 0 }
  return regionOfHandle(handle, request, settings, { access, path: source.path })
}

/** A file that was created has nothing to map, unless somebody gives it a size. */
function warnOfNothing({ size, length }: MapFileSettings, path: string | null): void {
  if (size !== undefined || length !== undefined) return
  process.emitWarning(
    `The mapping of '${path}' is empty: a new file has no bytes. The option size gives it some, with access 'read-write'`,
    'MappingWarning',
  )
}

/** Throws for the step of {@link native.mapFile} that failed. */
function throwFailure(
  { file, path }: FileSource,
  settings: MapFileSettings,
  step: number,
  error: number,
  fileSize: number,
  fileSystem: number,
): void {
  const name = fileSteps[step]
  if (name === undefined) {
    const remark = ' (there is no table of descriptors of its own, as keepLocks needs it)'
    throw systemError(error, 'close_range', path, remark)
  }
  if (name === 'range') throwOutside(settings, fileSize)
  const refused = name === 'mmap'
  const remark = refused ? fileSystemRemark(error, settings.access, file, fileSystem) : ''
  checked(error, name, path, remark === '' ? (settings.length ?? fileSize) : remark)
}

/** What is to be mapped does not lie in a file that will have at least the size asked for. */
function throwOutside(settings: MapFileSettings, fileSize: number): void {
  // Character devices have no size; only the kernel knows what can be mapped of them.
  if (fileSize > Number.MAX_SAFE_INTEGER) {
    throw invalidArgValue('options.length', undefined, 'is needed for a character device')
  }
  const whole = Math.max(fileSize, settings.size ?? 0)
  const { access, offset, length, size } = settings
  const rest = whole - offset
  if (access === 'read-write' && size === undefined && length !== undefined && rest >= 0) {
    const range = `>= 0 and <= ${rest} (the option size makes the file longer)`
    throw outOfRange('options.length', range, length)
  }
  rangeWithin(whole, offset, length, 'options.')
}
