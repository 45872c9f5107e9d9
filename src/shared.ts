// Data structures in shared memory that survive the death of any process that uses them.

export { MessageRing } from './shared/message-ring.js'
export type { CreateMessageRingOptions } from './shared/ring-memory.js'
export type { WaitOptions } from './sync/attempts.js'
