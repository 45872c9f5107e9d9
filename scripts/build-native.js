// Compiles native/ with node-gyp. GYP_DEFINES=werror=1 turns warnings into errors.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { nodeDirectory } from './node-headers.js'

const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')
const { status } = spawnSync(
  process.execPath,
  [
    nodeGyp,
    existsSync('build/Makefile') ? 'build' : 'rebuild',
    ...(nodeDirectory === undefined ? [] : [`--nodedir=${nodeDirectory}`]),
  ],
  { stdio: 'inherit' },
)
process.exit(status ?? 1)
