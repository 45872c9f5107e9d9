// Options of Snapshot, read once and checked.

import { byteCount, int32, optional, options as optionsObject } from '../arguments.js'
import { invalidArgValue, outOfRange } from '../errors.js'
import type { CreateSharedMemoryOptions } from '../sharing/segment.js'
import { timeoutOf } from '../sync/attempts.js'
import { structureOptions } from './header.js'
import { type Geometry, geometryOf, mostReaders, mostSlots } from './snapshot-layout.js'

/** How Snapshot.create() makes one. */
export interface CreateSnapshotOptions extends CreateSharedMemoryOptions {
  /**
   * How many snapshots there is memory for, 2 to 14, default 4: the newest, the one that is being
   * written, and those that readers still hold.
   */
  slots?: number | undefined
  /** How many Snapshot objects may read, of all threads of all processes; 1 to 65536, default 256. */
  readers?: number | undefined
}

/** How Snapshot.publish() waits. */
export interface PublishOptions {
  /**
   * How long to block this thread, in milliseconds, while another writer is at work or readers hold every slot
   * but the newest. Default 1000.
   */
  timeout?: number | undefined
}

const defaultTimeout = 1000

export interface CreateSettings {
  readonly geometry: Geometry
  /** For the memory. */
  readonly memory: CreateSharedMemoryOptions
}

export function createSettings(byteLength: unknown, options: unknown): CreateSettings {
  const capacity = byteCount(byteLength, 'byteLength')
  const { values, memory } = structureOptions(options, ['slots', 'readers'])
  const slots = optional(values['slots'], 'options.slots', countIn(2, mostSlots)) ?? 4
  const readers = optional(values['readers'], 'options.readers', countIn(1, mostReaders)) ?? 256
  if (capacity === 0) throw invalidArgValue('byteLength', byteLength, 'must be at least 1')
  const geometry = geometryOf(capacity, slots, readers)
  if (geometry.byteLength > Number.MAX_SAFE_INTEGER) {
    throw outOfRange('byteLength', `<= 2 ** 53 - 1 in ${slots} slots`, byteLength)
  }
  return { geometry, memory }
}

export function publishTimeout(options: unknown): number {
  const given = optionsObject(options, ['timeout'])['timeout']
  return given === undefined ? defaultTimeout : timeoutOf(given, 'options.timeout')
}

function countIn(least: number, most: number): (value: unknown, name: string) => number {
  return (value, name) => {
    const count = int32(value, name)
    if (count < least || count > most) throw outOfRange(name, `>= ${least} and <= ${most}`, value)
    return count
  }
}
