// Memory that belongs to no file, as a region.

import { byteCount } from '../arguments.js'
import { protectionBits } from '../kernel/protection.js'
import type { Region } from '../mapping/region.js'
import { constant } from '../native.js'
import { mapRegion } from './map-region.js'
import { mapAnonymousSettings } from './options.js'

export function mapAnonymousRegion(byteLength: unknown, options: unknown): Region {
  const length = byteCount(byteLength, 'byteLength')
  const settings = mapAnonymousSettings(options)
  const reserve = settings.noReserve ? constant('MAP_NORESERVE') : 0
  const flags = constant('MAP_PRIVATE') | constant('MAP_ANONYMOUS') | reserve
  const prot = protectionBits('read-write')
  const request = { fd: -1, offset: 0, length, prot, flags, address: 0 }
  return mapRegion(request, settings, { access: 'read-write', path: null })
}
