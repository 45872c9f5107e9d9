// Data structures that live in shared memory: `import … from 'posix-mmap/shared'`.

export { type CreateSnapshotOptions, type PublishOptions, Snapshot } from './shared/snapshot.js'
