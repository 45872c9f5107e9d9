// For `npm run coverage`: makes workers write their counts early, since vitest ends them before
// they would.

import { takeCoverage } from 'node:v8'
import { afterAll } from 'vitest'

if (process.env['NODE_V8_COVERAGE'] !== undefined) afterAll(() => takeCoverage())
