// Passes shared memory on to a child process.

import { invalidArgType, mappingClosed } from '../errors.js'
import { isSealedAgainstWrites } from '../kernel/seals.js'
import { anyRegionOf, ownDescriptor } from '../mapping/region.js'
import type { SharedMemory } from '../mapping.js'
import type { EntryTable } from './entries.js'
import { childOptions, type Passed, passOn } from './inheritance.js'

/** `stdio` of child_process, as an array. */
type SharedStdio = (number | 'ipc' | 'inherit' | 'pipe' | 'ignore' | null | undefined)[]

/** Options to which {@link withShared} has added shared memory. */
export type WithShared<O> = O & {
  stdio: SharedStdio
  env: NodeJS.ProcessEnv
}

/**
 * The property of the options that refers to the memory. Cluster keeps the options for workers to
 * come, and this keeps the memory from being collected before those have started.
 */
const held = Symbol('posix-mmap shared memory')

/**
 * Adds shared memory to options for child_process.fork(), spawn() and execFile() or
 * cluster.setupPrimary(). The descriptors go to `stdio`, in the first places from 3 on that the
 * caller left free, and the keys to the environment variable POSIX_MMAP_SHARED of the child, or where
 * they are many, to a sealed memfd (memfd_create(2)) to which the variable leads.
 * `stdio` that is not an array becomes what fork() makes of it, with 'ipc'. The variable is also
 * set in this process, whose environment is the one that cluster gives to its workers.
 *
 * The memory must stay open in this process until the child has started; for execFile(), which
 * passes no descriptors on, until the child has called {@link SharedMemory.inherited}; for cluster,
 * as long as workers are started. The options keep it from the garbage collector.
 *
 * @throws ERR_INVALID_ARG_TYPE · ERR_MAPPING_CLOSED
 */
export function withShared<O extends object = object>(
  shared: Record<string, SharedMemory>,
  options?: O,
): WithShared<O> {
  const list = Array.isArray(shared) || shared instanceof Map || shared instanceof Set
  if (shared === null || typeof shared !== 'object' || list || anyRegionOf(shared) !== undefined) {
    const expected = 'an object with a key for each memory, as in withShared({ table })'
    throw invalidArgType('shared', expected, shared)
  }
  const memories = Object.entries(shared)
  const checkedOptions = childOptions(options)
  const passed = new Map(memories.map(([key, memory]) => [key, passable(key, memory)]))
  const { options: forChild, table } = passOn(passed, checkedOptions)
  // A child whose stdio was not passed on opens the table by this process's descriptor of it.
  for (const [, memory] of memories) keepTable(memory, table)
  return { ...forChild, [held]: [memories, table] } as unknown as WithShared<O>
}

const tables = new WeakMap<object, EntryTable>()

/** As long as the memory is there, and until it is passed on with another table. */
function keepTable(memory: SharedMemory, table: EntryTable | null): void {
  const region = anyRegionOf(memory)
  if (table !== null && region !== undefined) tables.set(region, table)
}

function passable(key: string, memory: unknown): Passed {
  const region = anyRegionOf(memory)
  const segment = region?.facts.segment ?? null
  if (region === undefined || segment === null) {
    throw invalidArgType(`shared.${key}`, 'an instance of SharedMemory', memory)
  }
  if (region.closed !== undefined) throw mappingClosed()
  const fd = ownDescriptor(segment)
  const weak = new WeakRef(region)
  const isOpen = () => {
    const held = weak.deref()
    return held !== undefined && held.closed === undefined
  }
  const readOnly = region.facts.access === 'read' || isSealedAgainstWrites(fd)
  return { fd, access: readOnly ? 'read' : 'read-write', isOpen }
}
