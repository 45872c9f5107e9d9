// For `npm run coverage`: vitest ends its workers before they would write what they have counted.

import { takeCoverage } from 'node:v8'
import { afterAll } from 'vitest'

if (process.env['NODE_V8_COVERAGE'] !== undefined) afterAll(() => takeCoverage())
