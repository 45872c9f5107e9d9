// @ts-check
// The process of one contender in JavaScript: it measures a round for each line of its standard input, and
// answers with a line of JSON, like the programs in C.
//
//   node contender.js CASE CONTENDER PARAMETERS

import { createInterface } from 'node:readline'
import { Unavailable } from './unavailable.js'

const [, , name = '', contender = '', parameters = '{}'] = process.argv
/** @param {unknown} answer */
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`)

try {
  const { default: definition } = await import(`../cases/${name}/case.js`)
  const round = await definition.contenders[contender].setUp(JSON.parse(parameters))
  say({ ready: true })
  for await (const _ of createInterface({ input: process.stdin })) say(await round())
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error)
  say(error instanceof Unavailable ? { unavailable: reason } : { error: reason })
}
process.exit()
