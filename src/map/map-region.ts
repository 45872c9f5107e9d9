// mmap(2), and the calls that prepare what was mapped.

import { adviceValue } from '../kernel/advice.js'
import { type Access, protectionOf } from '../kernel/protection.js'
import { chooseReadAhead } from '../mapping/auto-advice.js'
import { resultOfLocking, resultOfReadingIn } from '../mapping/faults.js'
import { lockPages, populatePages } from '../mapping/ranges.js'
import { type Facts, Region } from '../mapping/region.js'
import { checked, constant, type FileIdentity, type Handle, native } from '../native.js'
import type { CommonSettings } from './options.js'

/** What mmap(2) is asked for. */
export interface MapRequest {
  fd: number
  offset: number
  length: number
  prot: number
  flags: number
  address: number | bigint
  /** Of the file, where fileSize() was asked. */
  identity?: FileIdentity
  /** So many last bytes a second time, at the addresses behind the others; whole pages. */
  mirrored?: number
}

/** What the caller knows of the mapping. */
type Described = { access: Access; path: string | null } & Partial<
  Pick<Facts, 'segment' | 'neverFaults'>
>

const anonymous = constant('MAP_ANONYMOUS')

/** mmap(2), then what the settings ask for. Leaves nothing mapped when any of it fails. */
export function mapRegion(
  request: MapRequest,
  settings: CommonSettings,
  described: Described,
): Region {
  const { fd, offset, length, prot, flags, address, identity, mirrored } = request
  const { path, segment = null, neverFaults = false } = described
  // A file that was opened by its path is closed again.
  const lendsFd = path === null || segment !== null
  const keepsSize = neverFaults
  const place = [fd, offset, length, prot, flags, address, settings.hugePages] as const
  const handle = checked(
    native.map(...place, identity, keepsSize, lendsFd, path, mirrored),
    'mmap',
    path ?? segment?.name ?? null,
    length,
  )
  return regionOfHandle(handle, request, settings, described)
}

/** The region of pages that were just mapped, after what the settings ask for. */
export function regionOfHandle(
  handle: Handle,
  request: MapRequest,
  settings: CommonSettings,
  described: Described,
): Region {
  const { fd, offset, length, prot, flags, mirrored = 0 } = request
  const { access, path, segment = null, neverFaults = false } = described
  const origin = path ?? segment?.name ?? null
  try {
    prepare(handle, request, settings, origin)
  } catch (error) {
    native.unmap(handle)
    throw error
  }
  return new Region(handle, length + mirrored, protectionOf(prot), {
    access,
    fileOffset: (flags & anonymous) === 0 ? offset : null,
    path,
    fd: path === null && segment === null ? fd : -1,
    segment,
    neverFaults,
    onFault: settings.onFault,
  })
}

function prepare(
  handle: Handle,
  { length, flags }: MapRequest,
  settings: CommonSettings,
  origin: string | null,
): void {
  const advise = (advice: number) =>
    checked(native.madvise(handle, 0, length, advice), 'madvise', origin)
  if (settings.hugePages) advise(constant('MADV_HUGEPAGE'))
  if (settings.advice === 'auto') checked(chooseReadAhead(handle), 'madvise', origin)
  else if (settings.advice !== undefined) advise(adviceValue(settings.advice))
  const pages = [handle, 0, length] as const
  const owner = { origin, faultsTold: 0 }
  if (settings.lock) {
    const locked = resultOfLocking(lockPages(...pages, false), pages, owner)
    checked(locked, 'mlock2', origin, length)
  }
  if (settings.populate) {
    // Reading an anonymous page in gives it no memory, and writing to a file's would dirty it.
    const write = (flags & anonymous) !== 0
    const populated = resultOfReadingIn(populatePages(...pages, write), pages, write, owner)
    checked(populated, 'madvise', origin)
  }
}
