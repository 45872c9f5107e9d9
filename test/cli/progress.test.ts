import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { StatusLine } from '../../dist/internals.js'
import { hasTerminals, noTerminals, terminalOf, withoutColours } from '../support/cli.js'
import { scratchDirectory } from '../support/files.js'
import { runForJson } from '../support/processes.js'

const scratch = scratchDirectory()

const look = { columns: 40, wholeLines: false, unicode: true, colour: false }

function screen(isTTY = true) {
  let time = 0
  let text = ''
  const line = new StatusLine(
    { isTTY, write: (more: string) => (text += more) },
    () => time,
    () => look,
  )
  return {
    line,
    at: (now: number, words: string, patience?: number) => {
      time = now
      text = ''
      line.show(() => words, patience)
      return text
    },
    clear: () => {
      text = ''
      line.clear()
      return text
    },
  }
}

const shown = (words: string) => `\r${words}\u001b[K`
const cleared = '\r\u001b[K'

it('shows nothing at the very start, and then a line', () => {
  const { at, clear } = screen()
  expect(at(0, 'a')).toBe('')
  expect(at(59, 'b')).toBe('')
  expect(clear()).toBe('')
  expect(at(60, 'c')).toBe(shown('c'))
})

it('is drawn again at most ten times a second, and cleared once', () => {
  const { at, clear } = screen()
  expect([200, 201, 250, 299, 300, 301].map((now) => at(now, 'a'))).toEqual([
    shown('a'),
    '',
    '',
    '',
    shown('a'),
    '',
  ])
  expect([clear(), clear()]).toEqual([cleared, ''])
  expect(at(400, 'b')).toBe(shown('b'))
})

it('can be shown from the start on', () => {
  expect(screen().at(0, 'a', 0)).toBe(shown('a'))
})

it('is not shown where there is no terminal, or where something else draws on it', () => {
  const piped = screen(false)
  expect([piped.at(500, 'a'), piped.clear(), piped.line.isShown]).toEqual(['', '', false])
  const silenced = screen()
  silenced.line.silenced = true
  expect([silenced.at(500, 'a'), silenced.clear(), silenced.line.isShown]).toEqual(['', '', false])
})

describe('the program', () => {
  const tree = path.join(scratch.directory, 'tree')
  for (const directory of ['a', 'b']) {
    fs.mkdirSync(path.join(tree, directory), { recursive: true })
    for (let i = 0; i < 5; i++) fs.writeFileSync(path.join(tree, directory, `${i}`), 'x')
  }
  const picture = scratch.file('picture')

  /** The lines that it draws if each look at the clock finds that a second has passed. */
  async function drawnBy(...args: string[]): Promise<string[]> {
    const drawn = await runForJson(`
      let seconds = 0
      performance.now = () => 1000 * seconds++
      const drawn = []
      process.stderr.isTTY = true
      process.stderr.columns = 200
      process.stderr.hasColors = () => false
      process.env.LC_ALL = 'C'
      process.stderr.write = (text, done) => { drawn.push(text); done?.() }
      const write = process.stdout.write.bind(process.stdout)
      process.stdout.write = (text, done) => done?.()
      const { main } = await import('./dist/internals.js')
      await main(${JSON.stringify(args)})
      write(JSON.stringify(drawn))`)
    return drawn as string[]
  }

  it('tells where it is while it searches directories', async () => {
    const drawn = await drawnBy('residency', tree)
    for (const [count, place] of [
      ['0 files', tree],
      ['5 files', `${tree}/b`],
      ['9 files', `${tree}/b/4`],
    ]) {
      expect(drawn).toContainEqual(shown(`${count} in ${place}`))
    }
    // Cleared before anything else is printed.
    expect(drawn.at(-1)).toBe(cleared)
  })

  it.each([
    ['warm', tree],
    ['evict', tree],
    ['save', '--to', picture, tree],
    ['warm', '--from', picture],
    ['diff', picture],
  ])('draws a bar while it does %s', async (...args) => {
    const drawn = await drawnBy(...args)
    const bar = /^\r\S+tree\/[ab]\/\d +\[#* *\] +(\d of 10 files|\d+% +\d+ B of 10 B +\S+ B\/s)$/
    expect(drawn.filter((line) => bar.test(line.replace('\u001b[K', ''))).length).toBeGreaterThan(0)
    expect(drawn.at(-1)).toBe(cleared)
  })

  it('draws a bar while it looks for the pages of a large file', async ({ skip }) => {
    if (!hasTerminals) skip(noTerminals)
    // 256 mappings of 1 GiB, for each of which mincore(2) takes some milliseconds.
    const file = scratch.hole('large', 2 ** 38)
    const script = `
      const { forbidCachestat, main } = await import('./dist/internals.js')
      forbidCachestat(true)
      process.exitCode = await main(['residency', ${JSON.stringify(file)}])`
    const command = [process.execPath, '--input-type=module', '--eval', script]
    const text = withoutColours(await terminalOf({}, 80, ...command))
    const [first = '', ...more] = text
      .split('\u001b[K')
      .filter((line) => line.includes(' of 256 GiB'))
    expect(first).toMatch(/^\r\/\S+ +[█▉▊▋▌▍▎▏]*·+ \d+% of 256 GiB$/)
    expect(first.length).toBe(80)
    expect(more.length).toBeGreaterThan(0)
    expect(text).toMatch(/\r[^\r]*large {2}·+ +0% +0 \/ +256G\n1 file: 0 B of 256 GiB resident/)
  })
})
