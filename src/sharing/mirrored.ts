// A second mapping of shared memory, whose end appears twice: what would wrap around there is in one
// piece.

import { protectionBits, protectionOfAccess } from '../kernel/protection.js'
import { cannotFault } from '../kernel/seals.js'
import { mapRegion } from '../map/map-region.js'
import { noSettings } from '../map/options.js'
import {
  type Mapped,
  ownDescriptor,
  type Region,
  regionOf,
  type Segment,
} from '../mapping/region.js'
import { constant } from '../native.js'

/**
 * mmap(2) of the first `length` bytes, and of those from `start` a second time at the addresses behind
 * them.
 *
 * @param memory with access `'read-write'`
 * @param start in bytes, a multiple of the page size
 * @param length in bytes, a multiple of the page size, more than `start`
 */
export function mirroredRegion(memory: Mapped, start: number, length: number): Region {
  const fd = ownDescriptor(regionOf(memory).facts.segment as Segment)
  const prot = protectionBits(protectionOfAccess('read-write'))
  const request = { fd, offset: 0, length, prot, flags: constant('MAP_SHARED'), address: 0 }
  return mapRegion({ ...request, mirrored: length - start }, noSettings, {
    access: 'read-write',
    path: null,
    neverFaults: cannotFault(fd, 'read-write', length),
  })
}
