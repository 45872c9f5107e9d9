// What util.inspect() and console.log() show of a mapping.

import type { InspectOptions, inspect } from 'node:util'
import { faultOf } from './faults.js'
import type { Region } from './region.js'

export function inspected(
  className: string,
  region: Region,
  depth: number,
  options: InspectOptions,
  show: typeof inspect,
): string {
  if (depth < 0) return `[${className}]`
  const { path, segment, access, fileOffset } = region.facts
  const name = segment?.name ?? null
  return `${className} ${show(
    {
      ...(path === null ? {} : { path }),
      ...(name === null ? {} : { name }),
      access,
      byteLength: region.byteLength,
      ...(fileOffset === null ? {} : { fileOffset }),
      protection: region.protection,
      closed: region.closed !== undefined,
      fault: faultOf(region),
    },
    { ...options, depth },
  )}`
}
