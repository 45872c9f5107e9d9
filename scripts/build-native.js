// Compiles native/ with node-gyp. `--werror` turns warnings into errors.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { nodeDirectory } from './node-headers.js'

const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')
const { status } = spawnSync(
  process.execPath,
  [
    nodeGyp,
    existsSync('build/Makefile') && !process.argv.includes('--werror') ? 'build' : 'rebuild',
    ...(nodeDirectory === undefined ? [] : [`--nodedir=${nodeDirectory}`]),
    ...(process.argv.includes('--werror') ? ['--', '-Dwerror=1'] : []),
  ],
  { stdio: 'inherit' },
)
process.exit(status ?? 1)
