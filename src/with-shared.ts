// How shared memory goes to a child process.

import { invalidArgType } from './errors.js'
import { childOptions, type Passed, passOn } from './inheritance.js'
import { regionOf } from './mapping/lifetime.js'
import { isSealedAgainstWrites } from './segment.js'
import { SharedMemory } from './shared-memory.js'

type SharedStdio = (number | 'ipc' | 'inherit' | 'pipe' | 'ignore' | null | undefined)[]

/** Options with shared memory added, see {@link withShared}. */
export type WithShared<O> = O & {
  stdio: SharedStdio
  env: NodeJS.ProcessEnv
}

/** Cluster keeps the options for workers to come, and with them the memory. */
const held = Symbol('posix-mmap shared memory')

/**
 * Options for child_process.fork() and spawn(), cluster.setupPrimary() and execFile() with the
 * descriptors of shared memory added to `stdio` where the caller's own entries leave room, and the
 * keys in the environment variable POSIX_MMAP_SHARED. `stdio` that is not an array becomes what
 * fork() makes of it, with 'ipc'. Also sets the variable in this process's environment, which is the
 * only one that cluster gives to its workers.
 *
 * The memory has to stay open here until the child has started; for execFile(), which has no `stdio`,
 * until it has called {@link SharedMemory.inherited}; for cluster as long as workers are started. The
 * options keep it from the garbage collector.
 *
 * @throws ERR_INVALID_ARG_TYPE · ERR_MAPPING_CLOSED
 */
export function withShared<O extends object = object>(
  shared: Record<string, SharedMemory>,
  options?: O,
): WithShared<O> {
  if (shared === null || typeof shared !== 'object') {
    throw invalidArgType('shared', 'of type object', shared)
  }
  const memories = Object.entries(shared)
  for (const [key, memory] of memories) {
    if (memory instanceof SharedMemory) continue
    throw invalidArgType(`shared.${key}`, 'an instance of SharedMemory', memory)
  }
  const checkedOptions = childOptions(options)
  const passed = new Map(memories.map(([key, memory]) => [key, passable(memory)]))
  const result = passOn(passed, checkedOptions)
  return { ...result, [held]: memories } as unknown as WithShared<O>
}

function passable(memory: SharedMemory): Passed {
  regionOf(memory)
  const weak = new WeakRef(memory)
  const isOpen = () => weak.deref()?.closed === false
  const { fd } = memory
  const access = memory.access === 'read' || isSealedAgainstWrites(fd) ? 'read' : 'read-write'
  return { fd, access, isOpen }
}
