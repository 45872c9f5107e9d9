// @ts-check
// Turns the results of the last run of each case into pictures and docs/performance.md.

import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { fillIn } from './document.js'
import { machineLine } from './machine.js'
import { plot } from './plot.js'
import { forMarkdown, goalsForMarkdown, measuresOf } from './report.js'

const docs = new URL('../../docs/', import.meta.url)

/** @typedef {import('./types.js').Result & { machine: import('./machine.js').Machine }} Record */

/**
 * @param {string[]} cases in the order of the document
 * @param {URL} from the folder of the results
 * @param {boolean} quick writes next to the results, and leaves docs/ alone
 */
export async function publish(cases, from, quick) {
  const to = quick ? from : docs
  const pictures = new URL('performance/', to)
  fs.mkdirSync(pictures, { recursive: true })
  let text = fs.readFileSync(new URL('performance.md', docs), 'utf8')
  /** @type {Record[]} */
  const records = cases.flatMap((name) => {
    const file = new URL(`${name}.json`, from)
    return fs.existsSync(file) ? [JSON.parse(fs.readFileSync(file, 'utf8'))] : []
  })
  for (const record of records) {
    const pictureOf = (/** @type {string} */ key) => `${record.case}-${key}.svg`
    for (const key of measuresOf(record)) {
      fs.writeFileSync(new URL(pictureOf(key), pictures), `${await plot(record, key)}\n`)
    }
    const content = forMarkdown(record, (key) => `performance/${pictureOf(key)}`)
    text = fillIn(text, record.case, content)
  }
  text = fillIn(text, 'goals', goalsForMarkdown(records))
  text = fillIn(text, 'machine', machines(records))
  fs.writeFileSync(new URL('performance.md', to), text)
  console.log(`\nwritten: ${fileURLToPath(new URL('performance.md', to))}`)
}

/** @param {Record[]} records may name several machines: a case can be run alone, and elsewhere */
function machines(records) {
  const lines = new Map(records.map(({ machine }) => [JSON.stringify(machine), machine]))
  return [...lines.values()]
    .map((machine) =>
      machineLine(machine)
        .map((line) => `- ${line}`)
        .join('\n'),
    )
    .join('\n\n')
}
