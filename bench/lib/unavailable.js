// @ts-check
// What cannot take part says why.

export class Unavailable extends Error {}

/**
 * A peer, or whatever is wrong with it.
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
