/**
 * Locks and waiting between threads and processes.
 *
 * @module posix-mmap/sync
 */

export type { WaitOptions } from './sync/attempts.js'
export { Barrier } from './sync/barrier.js'
export { Condition } from './sync/condition.js'
export { type FutexWaitAsyncResult, futexNotify, futexWait, futexWaitAsync } from './sync/futex.js'
export {
  type LockInfo,
  type LockMode,
  type LockRequestOptions,
  type Locks,
  locks,
  type NamedLock,
} from './sync/locks.js'
export { Mutex } from './sync/mutex.js'
export { RwLock } from './sync/rw-lock.js'
export { Semaphore } from './sync/semaphore.js'
