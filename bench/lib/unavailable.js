// @ts-check
// The error with which a contender says why it cannot take part.

export class Unavailable extends Error {}

/**
 * Imports a peer, or throws Unavailable with the reason why it cannot be imported.
 *
 * @param {string} name
 * @returns {Promise<any>}
 */
export async function peer(name) {
  try {
    const module = await import(name)
    return module.default ?? module
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n', 1)[0] : String(error)
    throw new Unavailable(`does not load (${reason}); was it built by npm install in bench/?`)
  }
}
