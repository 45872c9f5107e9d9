// What util.inspect(), console.log() and JSON.stringify() show of a mapping.

import type { InspectOptions, inspect } from 'node:util'
import type { MappingFault } from '../errors.js'
import type { Access, Protection } from '../kernel/protection.js'
import { faultOf } from './faults.js'
import type { Region } from './region.js'

/** What {@link Mapping.toJSON} says of a mapping, as its properties of these names do. */
export interface MappingDescription {
  /** Its class, and that this is not its memory. */
  description: string
  /** {@link Mapping.path}, where it has one. */
  path?: string
  /** Of shared memory. */
  name?: string
  /** How it was mapped: {@link Mapping.access}. */
  access: Access
  /** {@link Mapping.byteLength}: in bytes. */
  byteLength: number
  /** {@link Mapping.fileOffset}: in bytes; left out for anonymous memory. */
  fileOffset?: number
  /** What may be done with it: {@link Mapping.protection}. */
  protection: Protection
  /** Whether it was unmapped: {@link Mapping.closed}. */
  closed: boolean
  /** {@link Mapping.fault}, without counting as a question for it. */
  fault: MappingFault | null
}

function properties(region: Region): Omit<MappingDescription, 'description'> {
  const { path, segment, access, fileOffset } = region.facts
  const name = segment?.name ?? null
  return {
    ...(path === null ? {} : { path }),
    ...(name === null ? {} : { name }),
    access,
    byteLength: region.byteLength,
    ...(fileOffset === null ? {} : { fileOffset }),
    protection: region.protection,
    closed: region.closed !== undefined,
    fault: faultOf(region),
  }
}

export function inspected(
  className: string,
  region: Region,
  depth: number,
  options: InspectOptions,
  show: typeof inspect,
): string {
  if (depth < 0) return `[${className}]`
  return `${className} ${show(properties(region), { ...options, depth })}`
}

export function described(className: string, region: Region): MappingDescription {
  const description =
    `${className}, described and not sent: share() gives it to another thread, withShared() to ` +
    'another process'
  return { description, ...properties(region) }
}
