// The class that users hold, put together from what it can do.

import { callback, optional, options as optionsObject } from './arguments.js'
import { type MappingFault, MappingFaultError } from './errors.js'
import { startListening, toMappingFault } from './mapping/fault-delivery.js'
import {
  checkHandle,
  issueHandle,
  type MappingHandle,
  redeemHandle,
  type SharedMemorySource,
} from './mapping/handle.js'
import { construction, regionOf } from './mapping/lifetime.js'
import type { FaultListener, RegionDescription } from './mapping/region.js'
import { ResizableMemory } from './mapping/resize.js'
import { hasEventLoopOfNode, native } from './native.js'

/** How a mapping is to be in the thread that attaches it. */
export interface AttachOptions {
  /** Called from this thread's event loop after faults, whichever thread they happened in. */
  onFault?: FaultListener
}

/** Makes the object for a region that was just mapped. */
export let createMapping: (description: RegionDescription) => Mapping

/**
 * Memory that the kernel mapped: a file's, or anonymous. {@link mapFile} and {@link mapAnonymous}
 * make one. A fault inside it (a file that somebody truncated, a write to a page that may only be
 * read) never ends the process; it is kept for {@link fault} and {@link check}.
 */
export class Mapping extends ResizableMemory {
  static {
    createMapping = (description) => new Mapping(construction, description)
  }

  /**
   * Throws if a fault happened since the mapping was made or {@link clearFault} was called.
   *
   * @throws MappingFaultError · ERR_MAPPING_CLOSED
   */
  check(): void {
    const region = regionOf(this)
    const fault = this.fault
    if (fault !== null) throw new MappingFaultError(fault, region.path)
  }

  /**
   * Forgets the faults so far and returns them. The pages that were replaced stay replaced: views
   * show their private content, read() and write() go on throwing.
   *
   * @throws ERR_MAPPING_CLOSED
   */
  clearFault(): MappingFault | null {
    const fault = native.clearFault(regionOf(this).handle)
    return fault === null || typeof fault === 'number' ? null : toMappingFault(fault)
  }

  /**
   * Runs `body`, then {@link check}: a fault inside it becomes an exception. A fault from before
   * counts as well. When `body` itself throws after a fault, as a parser does that was given zeros,
   * the fault is thrown and has the other error as its `cause`.
   *
   * @returns what `body` returns
   * @throws what `body` throws · MappingFaultError · ERR_MAPPING_CLOSED
   */
  guard<R>(body: () => R): R {
    const run = callback<() => R>(body, 'body')
    const { path } = regionOf(this)
    let result: R
    try {
      result = run()
    } catch (error) {
      const { fault } = this
      throw fault === null ? error : new MappingFaultError(fault, path, { cause: error })
    }
    this.check()
    return result
  }

  /**
   * What {@link attach} takes in another thread of this process: plain data for postMessage() or
   * workerData. It does not keep the memory: this mapping has to stay open, and not be resized,
   * until attach() has returned there.
   *
   * @throws ERR_MAPPING_CLOSED
   */
  share(): MappingHandle {
    const region = regionOf(this)
    const { access, fileOffset, path } = this
    return issueHandle(region, { access, fileOffset, path, shared: null })
  }

  /**
   * The same memory in this thread: the same pages at the same addresses, with buffers of its own.
   * Each thread unmaps for itself, and the last one gives the memory back. Faults and protection are
   * those of the memory, so all threads see them; after resize() in one thread the others keep what
   * they have.
   *
   * @throws ERR_MAPPING_CLOSED when nobody has it mapped any more · ERR_INVALID_ARG_TYPE,
   *   ERR_INVALID_ARG_VALUE for what is no handle, or another process's
   */
  static attach(handle: MappingHandle, options?: AttachOptions): Mapping {
    const checked = checkHandle(handle)
    const listener = optionsObject(options)['onFault']
    const onFault = optional(listener, 'options.onFault', callback<FaultListener>)
    const description = redeemHandle(checked, onFault)
    return checked.shared === null
      ? createMapping(description)
      : attachShared(description, checked.shared)
  }
}

type AttachShared = (description: RegionDescription, source: SharedMemorySource) => Mapping

let attachShared: AttachShared = createMapping

/** For the subclass, which this file cannot import. */
export function onAttachShared(attach: AttachShared): void {
  attachShared = attach
}

startListening()
// The module is loaded where it is needed, and is there in every worker.
const isWorker = () => !process.getBuiltinModule('node:worker_threads').isMainThread
if ('transfer' in ArrayBuffer.prototype && hasEventLoopOfNode && isWorker()) native.watchForEnd()
