import { expect, it } from 'vitest'
import { StatusLine } from '../../dist/internals.js'

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
