// docs/diagrams/*.svg must say what the files next to them do, and be shown somewhere. Not that graphviz would
// draw the same: that depends on the fonts of the machine.

import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { projectRoot } from '../support/processes.js'

const folder = path.join(projectRoot, 'docs/diagrams')
const read = (name: string) => fs.readFileSync(path.join(folder, name), 'utf8')
const names = fs
  .readdirSync(folder)
  .filter((name) => name.endsWith('.dot'))
  .map((name) => path.basename(name, '.dot'))

it('there is a drawing of each, and no other', () => {
  const files = names.flatMap((name) => [`${name}.dot`, `${name}.svg`])
  expect(files.length).toBeGreaterThan(0)
  expect(fs.readdirSync(folder).sort()).toEqual(files.sort())
})

describe.each(names)('%s', (name) => {
  it('has drawn each line of text and each arrow of its source; if not: `npm run diagrams`', () => {
    const source = read(`${name}.dot`)
    const labels = [...source.matchAll(/label="([^"]*)"/g)].flatMap(([, text = '']) =>
      text.split('\\n'),
    )
    const entities: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"' }
    const drawn = [...read(`${name}.svg`).matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(
      ([, text = '']) =>
        text.replaceAll(/&(#?)(\w+);/g, (_, numeric, code) =>
          numeric === '' ? (entities[code] ?? '') : String.fromCodePoint(Number(code)),
        ),
    )
    expect(drawn.sort()).toEqual(labels.sort())
    const arrows = read(`${name}.svg`).match(/class="edge"/g)
    expect(arrows?.length).toBe(source.match(/^ +\w+ -> \w+/gm)?.length)
  })

  it('is shown by a document', () => {
    const documents = fs.readdirSync(path.dirname(folder)).filter((each) => each.endsWith('.md'))
    const showing = documents.filter((each) =>
      fs
        .readFileSync(path.join(path.dirname(folder), each), 'utf8')
        .includes(`](diagrams/${name}.svg)`),
    )
    expect(showing).toHaveLength(1)
  })
})
