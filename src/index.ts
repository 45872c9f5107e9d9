export { type Advice, adviceSupported } from './advice.js'
export { type MappingFault, MappingFaultError } from './errors.js'
export { faultGuardActive } from './fault-guard.js'
export type { SharedAccess } from './inheritance.js'
export { type Limits, limits } from './limits.js'
export { mapAnonymous, mapFile } from './map.js'
export type { FaultMessage } from './mapping/fault-delivery.js'
export type { MappingHandle } from './mapping/handle.js'
export type { LinesOptions } from './mapping/lines.js'
export type {
  AsyncFlushOptions,
  AsyncLockOptions,
  AsyncPopulateOptions,
  FlushOptions,
  LockOptions,
  PopulateOptions,
  Progress,
  RangeOptions,
  WatchOptions,
} from './mapping/page-options.js'
export type { Residency } from './mapping/pages.js'
export type { ReadStreamOptions } from './mapping/read-stream.js'
export type { FaultListener } from './mapping/region.js'
export type { TypedArrayConstructor } from './mapping/views.js'
export { type AttachOptions, Mapping } from './mapping.js'
export { pageSize } from './native.js'
export type { FileLike } from './open-file.js'
export type { MapAnonymousOptions, MapFileOptions } from './options.js'
export type { Access, Protection } from './protection.js'
export type { Seal } from './seals.js'
export {
  type CreateSharedMemoryOptions,
  type OpenOrCreateSharedMemoryOptions,
  type OpenSharedMemoryOptions,
  SharedMemory,
} from './shared-memory.js'
export { type WithShared, withShared } from './with-shared.js'
