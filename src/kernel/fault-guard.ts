// Whether the promise of docs/safety.md is in force.

import { native } from '../native.js'

/**
 * Whether SIGSEGV and SIGBUS come to this package, which takes them with the first mapping;
 * sigaction(2). False before that, and after something else installed a handler of its own, such as
 * `process.on('SIGBUS')`: from then on a fault in a mapping is no longer contained.
 */
export function faultGuardActive(): boolean {
  return native.faultGuardActive()
}
