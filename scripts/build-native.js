// Compiles native/ with node-gyp. Uses the headers that were installed with Node where there are
// any, since node-gyp would otherwise download them. `--werror` turns warnings into errors.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')
const prefix = resolve(process.execPath, '../..')
const hasHeaders = existsSync(resolve(prefix, 'include/node/node_api.h'))
const { status } = spawnSync(
  process.execPath,
  [
    nodeGyp,
    existsSync('build/Makefile') && !process.argv.includes('--werror') ? 'build' : 'rebuild',
    ...(hasHeaders ? [`--nodedir=${prefix}`] : []),
    ...(process.argv.includes('--werror') ? ['--', '-Dwerror=1'] : []),
  ],
  { stdio: 'inherit' },
)
process.exit(status ?? 1)
