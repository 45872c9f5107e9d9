// Whether the promise of docs/safety.md is in force.

import { native } from '../native.js'

/**
 * sigaction(2) — whether the handlers of this package receive SIGSEGV and SIGBUS. False before the
 * first mapping, which installs them, and after something else installed a handler of its own, such
 * as `process.on('SIGBUS')`: from then on a fault in a mapping is no longer contained. Never throws.
 */
export function faultGuardActive(): boolean {
  return native.faultGuardActive()
}
