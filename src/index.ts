/**
 * Mappings of files and of anonymous memory, and memory that processes share.
 *
 * @module posix-mmap
 */

export { type MappingFault, MappingFaultError } from './errors.js'
export { type Advice, adviceSupported } from './kernel/advice.js'
export { faultGuardActive } from './kernel/fault-guard.js'
export { type Limits, limits } from './kernel/limits.js'
export type { Access, Protection } from './kernel/protection.js'
export type { Seal } from './kernel/seals.js'
export type { FileLike } from './map/open-file.js'
export type { CommonOptions, MapAnonymousOptions, MapFileOptions } from './map/options.js'
export { mapAnonymous, mapFile } from './map.js'
export type { FaultMessage } from './mapping/fault-delivery.js'
export type { AttachOptions, MappingHandle } from './mapping/handle.js'
export type { MappingDescription } from './mapping/inspect.js'
export type { LinesOptions } from './mapping/lines.js'
export type {
  AsyncFlushOptions,
  AsyncLockOptions,
  AsyncPopulateOptions,
  ByteRange,
  FlushOptions,
  LockOptions,
  PopulateOptions,
  Progress,
  RangeOptions,
  SignalOptions,
  WatchOptions,
} from './mapping/range-options.js'
export type { Residency } from './mapping/ranges.js'
export type { ReadStreamOptions } from './mapping/read-stream.js'
export type { FaultListener } from './mapping/region.js'
export type { TypedArrayConstructor } from './mapping/views.js'
export { Mapping, SharedMemory } from './mapping.js'
export { pageSize } from './native.js'
export type { SharedAccess } from './sharing/descriptors.js'
export type {
  CreateSharedMemoryOptions,
  OpenOrCreateSharedMemoryOptions,
  OpenSharedMemoryOptions,
} from './sharing/segment.js'
export { type WithShared, withShared } from './sharing/with-shared.js'
