/**
 * Data structures in shared memory that survive the death of any process that uses them.
 *
 * @module posix-mmap/shared
 */

export { Broadcast, type SubscribeOptions, Subscription } from './shared/broadcast.js'
export type { CreateBroadcastOptions } from './shared/broadcast-memory.js'
export { LatestFile, type MapLatestOptions, mapLatest } from './shared/latest-file.js'
export type { GetOrSetOptions, SetOptions, SharedMapOptions } from './shared/map-options.js'
export { MessageRing } from './shared/message-ring.js'
export type { CreateMessageRingOptions } from './shared/ring-memory.js'
export { SharedMap, type SharedMapStats } from './shared/shared-map.js'
export { Snapshot } from './shared/snapshot.js'
export type { CreateSnapshotOptions, PublishOptions } from './shared/snapshot-options.js'
export type { WaitOptions } from './sync/attempts.js'
