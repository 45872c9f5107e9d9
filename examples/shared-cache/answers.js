// @ts-check
// What the service computes, and how long that takes.

import { createHash } from 'node:crypto'

/** @param {string} key */
export const answerTo = (key) => createHash('sha256').update(key).digest('hex')

/** The key whose worker is killed while it computes. */
export const fatalKey = 'fatal'

/**
 * That of the fatal key is long enough for the primary to kill the worker before it ends.
 *
 * @param {string} key
 */
export const computationMilliseconds = (key) => (key === fatalKey ? 500 : 20)
