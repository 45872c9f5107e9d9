// Processes that have a ring.

import type { MessageRing } from 'posix-mmap/shared'
import { type Process, startProcess } from '../../sync/support.js'

/** Runs a module in a process of its own, with `ring` in it. */
export function startWith(ring: MessageRing, body: string): Process {
  const opening = `
    const { MessageRing } = await import('posix-mmap/shared')
    const ring = MessageRing.attach(memory)`
  return startProcess(`${opening}\n${body}`, ring.memory)
}

export function textOf(message: Uint8Array | null): string | null {
  return message === null ? null : Buffer.from(message).toString()
}
