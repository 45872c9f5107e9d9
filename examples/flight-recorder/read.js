// @ts-check
// Prints the last lines of a recorder, after the crash.
//
//   node examples/flight-recorder/read.js FILE [LINES]

import { lastLines } from './recorder.js'

const [, , path = '', most = '10'] = process.argv
for (const line of lastLines(path, Number(most))) console.log(line)
