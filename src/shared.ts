// Data structures that live in shared memory: `import … from 'posix-mmap/shared'`.

export { LatestFile, type MapLatestOptions, mapLatest } from './shared/latest-file.js'
export { Snapshot } from './shared/snapshot.js'
export type { CreateSnapshotOptions, PublishOptions } from './shared/snapshot-options.js'
