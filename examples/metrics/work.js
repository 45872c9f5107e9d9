// @ts-check
// What the workers count: requests that are the same in every run, so that the sums are known.

/** @type {import('./shared-metrics.js').Description} */
export const requests = { name: 'http_requests_total', help: 'Requests, by route and status' }
/** @type {import('./shared-metrics.js').Description} */
export const durations = {
  name: 'http_request_seconds',
  help: 'How long requests took',
  bounds: [0.0625, 0.125, 0.25, 0.5, 1],
}
export const descriptions = [requests, durations]

export const requestsEach = 2000
const routes = ['/', '/cities', '/"quoted"']

/**
 * The requests of one worker. Durations are multiples of 1/128, whose sums have no rounding.
 *
 * @param {number} worker its number, from 1
 */
export function* requestsOf(worker) {
  for (let i = 0; i < requestsEach; i++) {
    const route = routes[(i * worker) % routes.length] ?? ''
    const status = i % 50 === worker ? '500' : '200'
    yield { route, status, seconds: ((i * 37 + worker) % 160) / 128 }
  }
}
