// Names for the values of madvise(2) that keep data.

import { oneOf } from '../arguments.js'
import { constant, native } from '../native.js'

/** The constants of madvise(2) by their names here. */
const names = {
  normal: 'MADV_NORMAL',
  random: 'MADV_RANDOM',
  sequential: 'MADV_SEQUENTIAL',
  willneed: 'MADV_WILLNEED',
  cold: 'MADV_COLD',
  pageout: 'MADV_PAGEOUT',
  hugepage: 'MADV_HUGEPAGE',
  nohugepage: 'MADV_NOHUGEPAGE',
  collapse: 'MADV_COLLAPSE',
  mergeable: 'MADV_MERGEABLE',
  unmergeable: 'MADV_UNMERGEABLE',
  dontfork: 'MADV_DONTFORK',
  dofork: 'MADV_DOFORK',
  dontdump: 'MADV_DONTDUMP',
  dodump: 'MADV_DODUMP',
  wipeonfork: 'MADV_WIPEONFORK',
  keeponfork: 'MADV_KEEPONFORK',
  'populate-read': 'MADV_POPULATE_READ',
  'populate-write': 'MADV_POPULATE_WRITE',
} as const

/**
 * What a program is about to do with pages; madvise(2). Younger than Linux 5.10: `'populate-read'`
 * and `'populate-write'` (5.14), `'collapse'` (6.1).
 */
export type Advice = keyof typeof names

export const adviceNames = Object.keys(names) as Advice[]

export function checkAdvice(value: unknown, name: string): Advice {
  return oneOf(value, name, adviceNames)
}

/** An advice, or `'auto'`. */
export function checkAdviceOrAuto(value: unknown, name: string): Advice | 'auto' {
  return oneOf<Advice | 'auto'>(value, name, [...adviceNames, 'auto'])
}

export function adviceValue(advice: Advice): number {
  return constant(names[advice])
}

/**
 * madvise(2) — whether the running kernel knows an advice. It is asked by giving the advice for an
 * empty range; a kernel may know an advice and still refuse it for a kind of mapping.
 *
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for anything that is not an {@link Advice}
 */
export function adviceSupported(advice: Advice): boolean {
  return native.madviseSupported(adviceValue(checkAdvice(advice, 'advice')))
}
