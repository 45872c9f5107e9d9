// Computes the digest of the files that a binary is built from, native/ and binding.gyp. It is
// compiled into the binary, so that a test can tell a binary that is older than its sources.
//   node scripts/source-digest.js            prints it
//   node scripts/source-digest.js --list     prints the files
//   node scripts/source-digest.js FILE       writes the C++ that defines it
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

export function sourceFiles() {
  const native = readdirSync(`${root}/native`, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(cc|h|map)$/.test(name))
    .map((name) => `native/${name}`)
  return ['binding.gyp', ...native.sort()]
}

export function sourceDigest() {
  const hash = createHash('sha256')
  for (const file of sourceFiles()) {
    const content = readFileSync(`${root}/${file}`)
    hash.update(`${file}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

/** @param {string} digest */
function definition(digest) {
  return `namespace posix_mmap {
extern const char kSourceDigest[];
const char kSourceDigest[] = "${digest}";
}
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [wanted] = process.argv.slice(2)
  if (wanted === undefined) console.log(sourceDigest())
  else if (wanted === '--list') console.log(sourceFiles().join('\n'))
  else writeFileSync(wanted, definition(sourceDigest()))
}
