export { type FutexWaitAsyncResult, futexNotify, futexWait, futexWaitAsync } from './sync/futex.js'
