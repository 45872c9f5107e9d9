// Data structures that live in shared memory: `import … from 'posix-mmap/shared'`.

export { LatestFile, type MapLatestOptions, mapLatest } from './shared/latest-file.js'
export type { GetOrSetOptions, SetOptions, SharedMapOptions } from './shared/map-options.js'
export { SharedMap, type SharedMapStats } from './shared/shared-map.js'
export { Snapshot } from './shared/snapshot.js'
export type { CreateSnapshotOptions, PublishOptions } from './shared/snapshot-options.js'
