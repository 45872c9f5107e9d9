// @ts-check
// The time to import the package, and its size.

import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { atMost } from '../../lib/goals.js'
import { peer } from '../../lib/unavailable.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const entry = new URL('../../../dist/index.js', import.meta.url).href

/** @param {string} specifier */
function importTime(specifier) {
  const script = `const start = performance.now()
    await import(${JSON.stringify(specifier)})
    console.log(performance.now() - start)`
  const args = ['--input-type=module', '--eval', script]
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }))
}

/** @param {string} folder */
function sizeOf(folder) {
  const [kilobytes = ''] = execFileSync('du', ['-sk', '--apparent-size', folder], {
    encoding: 'utf8',
  }).split('\t')
  return Number(kilobytes) * 1.024
}

/**
 * @param {string} name
 * @returns {import('../../lib/types.js').Contender}
 */
function installed(name) {
  return {
    kind: 'peer',
    setUp: async () => {
      await peer(name)
      const require = createRequire(import.meta.url)
      const file = require.resolve(name)
      const folder = file.slice(0, file.lastIndexOf(`node_modules/${name}/`))
      const size = sizeOf(`${folder}node_modules/${name}`)
      return () => ({ time: importTime(pathToFileURL(file).href), size })
    },
  }
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'Load time and size',
  rounds: { full: 15, quick: 1 },
  prepare: ({ scratch }) => ({ empty: scratch.hole('empty.mjs', 0) }),
  describe: () =>
    'import() in a new process, its start not included, next to that of a file with nothing in it. ' +
    'The size of the package is that of the files that npm publishes; that of a peer is its folder ' +
    'after npm install, without its dependencies.',
  measures: {
    time: { title: 'import()', unit: 'ms', digits: 2 },
    packed: { title: 'Size of the download', unit: 'kB', digits: 0 },
    size: { title: 'Size on the disk', unit: 'kB', digits: 0 },
  },
  contenders: {
    'an empty module': {
      kind: 'limit',
      setUp: ({ empty }) => {
        const { href } = pathToFileURL(empty)
        return () => ({ time: importTime(href) })
      },
    },
    'posix-mmap': {
      kind: 'package',
      setUp: () => {
        const packed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
          cwd: root,
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        })
        const [{ size, unpackedSize }] = Object.values(JSON.parse(packed))
        return () => ({
          time: importTime(entry),
          packed: size / 1000,
          size: unpackedSize / 1000,
        })
      },
    },
    koffi: installed('koffi'),
    'mmap-io': installed('@riaskov/mmap-io'),
    'shm-typed-array': installed('shm-typed-array'),
  },
  goals: [atMost('time', 5, 'ms'), atMost('packed', 300, 'kB')],
}
