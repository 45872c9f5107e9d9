// Reads from /proc what the kernel knows of this process and its mappings.

import fs from 'node:fs'
import { type Mapping, mapAnonymous, pageSize } from 'posix-mmap'
import { addressOf } from 'posix-mmap/posix'

/** A line of /proc/self/maps; proc(5). */
export interface Area {
  start: bigint
  end: bigint
  permissions: string
  path: string
}

function parseArea(line: string): Area {
  const match = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ *(.*)$/.exec(line)
  if (match === null) throw new Error(`not a line of maps: ${line}`)
  const [, start = '', end = '', permissions = '', file = ''] = match
  return { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), permissions, path: file }
}

export function maps(): Area[] {
  return fs.readFileSync('/proc/self/maps', 'utf8').trimEnd().split('\n').map(parseArea)
}

/** The lines of a file, or of all files below a directory. */
export function mapsOf(place: string): Area[] {
  return maps().filter((area) => area.path.startsWith(place))
}

function areaAt(areas: readonly Area[], address: bigint): Area {
  const area = areas.find(({ start, end }) => start <= address && address < end)
  if (area === undefined) throw new Error(`nothing is mapped at 0x${address.toString(16)}`)
  return area
}

const page = BigInt(pageSize)

/** The whole pages in which a mapping lies. */
function pagesOf(mapping: Mapping): { start: bigint; end: bigint } {
  const address = addressOf(mapping)
  const end = address + BigInt(mapping.byteLength)
  return { start: address - (address % page), end: end + ((page - (end % page)) % page) }
}

/** The permissions of each page of a mapping, from /proc/self/maps. */
export function permissionsOf(mapping: Mapping): string[] {
  const areas = maps()
  const { start, end } = pagesOf(mapping)
  const permissions: string[] = []
  for (let at = start; at < end; at += page) permissions.push(areaAt(areas, at).permissions)
  return permissions
}

export interface Details {
  flags: string[]
  bytes(name: string): number
}

/** What /proc/self/smaps says now of the VMAs in which the first bytes of mappings lie. */
export function smaps(): (mapping: Mapping) => Details {
  const records = fs.readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-)/m)
  return (mapping) => {
    const address = addressOf(mapping)
    const record = records.find((text) => {
      const { start, end } = parseArea(text.slice(0, text.indexOf('\n')))
      return start <= address && address < end
    })
    const value = (name: string) => {
      const found = new RegExp(`^${name}: *(.*)$`, 'm').exec(record ?? '')?.[1]
      if (found === undefined) throw new Error(`/proc/self/smaps has no ${name}`)
      return found
    }
    return {
      flags: value('VmFlags').trim().split(' '),
      bytes: (name) => Number.parseInt(value(name), 10) * 1024,
    }
  }
}

export function smapsOf(mapping: Mapping): Details {
  return smaps()(mapping)
}

/** How many bytes of a mapping are not yet in its file on the disk. */
export function dirtyBytes(mapping: Mapping): number {
  const { bytes } = smapsOf(mapping)
  return bytes('Shared_Dirty') + bytes('Private_Dirty')
}

/** Whether the kernel has MADV_GUARD_INSTALL, Linux 6.13. */
export const guardPagesSupported: boolean = (() => {
  using mapping = mapAnonymous(pageSize)
  try {
    mapping.installGuard(0, pageSize)
    return true
  } catch {
    return false
  }
})()

/** VmLck: how many bytes of this process are locked. */
export function lockedBytes(): number {
  const status = fs.readFileSync('/proc/self/status', 'utf8')
  return Number(/^VmLck:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024
}

export function openDescriptors(): number {
  return fs.readdirSync('/proc/self/fd').length
}

/**
 * Three mappings without a gap between them, lowest address first. The kernel places most new ones
 * below the last, so a few attempts are enough.
 */
export function threeInARow(make: (index: number) => Mapping): [Mapping, Mapping, Mapping] {
  const made: Mapping[] = []
  for (let index = 0; index < 200; index++) {
    made.push(make(index))
    made.sort((a, b) => (addressOf(a) < addressOf(b) ? -1 : 1))
    for (const [i, low] of made.entries()) {
      const [middle, high] = made.slice(i + 1, i + 3)
      if (middle === undefined || high === undefined) break
      if (pagesOf(low).end !== pagesOf(middle).start) continue
      if (pagesOf(middle).end !== pagesOf(high).start) continue
      for (const other of made) if (![low, middle, high].includes(other)) other.unmap()
      return [low, middle, high]
    }
  }
  throw new Error('the kernel put no three of 200 mappings in a row')
}
