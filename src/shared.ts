// Data structures that live in shared memory: `import … from 'posix-mmap/shared'`.

export { LatestFile, type MapLatestOptions, mapLatest } from './shared/latest-file.js'
export { type CreateSnapshotOptions, type PublishOptions, Snapshot } from './shared/snapshot.js'
