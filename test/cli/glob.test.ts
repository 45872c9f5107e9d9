import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { glob } from '../../dist/internals.js'

const fits = (pattern: string, path: string) => glob(pattern)(path.split('/'))

describe('a pattern', () => {
  it.each([
    ['*.log', 'a.log', true],
    ['*.log', 'dir/a.log', true],
    ['*.log', 'a.log.gz', false],
    ['*.log', 'a.log/b', false],
    ['*', 'anything', true],
    ['*', '.hidden', true],
    ['a*b*c', 'a--b--c', true],
    ['a*b*c', 'a--c--b', false],
    ['a*bc', 'abbbbc', true],
    ['a?c', 'abc', true],
    ['a?c', 'a日c', true],
    ['a?c', 'a👩c', true],
    ['a?c', 'ac', false],
    ['a?c', 'a/c', false],
    ['f?g', 'f\udcffg', true],
    ['[abc]', 'b', true],
    ['[abc]', 'd', false],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[^a-c]x', 'dx', true],
    ['[]]', ']', true],
    ['[!]]', ']', false],
    ['[a-]', '-', true],
    ['[\\]]', ']', true],
    ['[\\!a]', '!', true],
    ['[[:digit:]]*', '7up', true],
    ['[[:digit:]_]', '_', true],
    ['[![:upper:]]', 'A', false],
    ['[[:alpha:]]', 'ж', true],
    ['[z-a]', 'm', false],
    ['[unclosed', '[unclosed', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['\\', '\\', true],
    ['cache/*', 'cache/x', true],
    ['cache/*', 'var/cache/x', true],
    ['cache/*', 'cache/x/y', false],
    ['cache/*', 'xcache/y', false],
    ['cache/**', 'a/cache/x/y', true],
    ['a/**/z', 'a/z', true],
    ['a/**/z', 'a/b/c/z', true],
    ['a/**/z', 'a/b/c/y', false],
    ['**', 'a/b', true],
    ['/a/*', '/a/b', true],
    ['/a/*', '/x/a/b', false],
    ['/**/b', '/x/a/b', true],
    ['.git/', '.git', true],
    ['.git/', 'x/.git', true],
    ['a//b', 'a/b', true],
    ['A', 'a', false],
  ])('%s and %s: %s', (pattern, path, expected) => {
    expect(fits(pattern, path)).toBe(expected)
  })

  it('of a class that does not exist is wrong usage', () => {
    expect(() => glob('[[:nothing:]]')).toThrow(
      "--exclude '[[:nothing:]]': there is no class [:nothing:]",
    )
  })

  it('with a backslash before each character stands for itself alone', () => {
    const characters = fc.constantFrom('a', 'b', '*', '?', '[', ']', '!', '-', '\\', ':')
    const name = fc.string({ unit: characters, minLength: 1, maxLength: 8 })
    const property = fc.property(name, name, (one, other) => {
      const pattern = [...one].map((character) => `\\${character}`).join('')
      expect(fits(pattern, other)).toBe(one === other)
    })
    fc.assert(property, { numRuns: 2000 })
  })

  it('with stars is what the same regular expression is', () => {
    const part = fc.constantFrom('a', 'b', '*', '?')
    const property = fc.property(
      fc.string({ unit: part, maxLength: 8 }),
      fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 8 }),
      (pattern, name) => {
        const source = pattern.replaceAll('*', '.*').replaceAll('?', '.')
        expect(fits(`x${pattern}`, `x${name}`)).toBe(new RegExp(`^x${source}$`).test(`x${name}`))
      },
    )
    fc.assert(property, { numRuns: 3000 })
  })

  it('of many stars ends, where a regular expression would not', () => {
    expect(fits(`${'*a'.repeat(60)}b`, 'a'.repeat(250))).toBe(false)
    expect(fits(`${'**/a/'.repeat(40)}b`, `${'a/'.repeat(200)}c`)).toBe(false)
  })
})
