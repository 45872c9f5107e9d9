// The errors that only shared structures have.

/** Memory does not hold what it should: foreign, of another version, or damaged. */
export function sharedLayout(reason: string): Error {
  return Object.assign(new Error(reason), { code: 'ERR_SHARED_LAYOUT' })
}

/** There is no room, and nothing that may go. */
export function sharedFull(reason: string): Error {
  return Object.assign(new Error(reason), { code: 'ERR_SHARED_FULL' })
}
