// Paths, whatever their bytes are. In a path of this program a lone surrogate from U+DC80 to U+DCFF
// stands for a byte from 0x80 to 0xFF that is not part of UTF-8 text, as in Python (PEP 383). So a path
// is joined, compared and matched like any other string, and no byte of it is lost.

import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'

const base = 0xdc00
// With the flag, half of a pair is not matched.
const strayByte = /[\udc80-\udcff]/u
const strayBytes = /([\udc80-\udcff])/u

/** How long a character of UTF-8 is that begins with this byte, if any does. */
function lengthFrom(lead: number): number {
  if (lead < 0x80) return 1
  if (lead < 0xe0) return 2
  return lead < 0xf0 ? 3 : 4
}

function decodeExactly(bytes: Buffer): string {
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] ?? 0
    const length = lengthFrom(lead)
    const character = bytes.subarray(at, at + length)
    const valid = character.length === length && isUtf8(character)
    text += valid ? character.toString() : String.fromCharCode(base + lead)
    at += valid ? length : 1
  }
  return text
}

/** The path, or any text with paths in it, that these bytes are. */
export function pathFrom(bytes: Buffer): string {
  const text = bytes.toString()
  // U+FFFD is a character of its own too, which a name may have.
  return text.includes('\ufffd') ? decodeExactly(bytes) : text
}

/** The bytes that {@link pathFrom} made a path of. */
export function bytesOf(path: string): Buffer {
  if (!strayByte.test(path)) return Buffer.from(path)
  const parts = path.split(strayBytes)
  return Buffer.concat(
    parts.map((part, i) =>
      i % 2 === 0 ? Buffer.from(part) : Buffer.of(part.charCodeAt(0) - base),
    ),
  )
}

/** The path as functions of node:fs take it. */
export function forNode(path: string): string | Buffer {
  return strayByte.test(path) ? bytesOf(path) : path
}

/** The path in JSON, which has no bytes: where it is not UTF-8, a second key has it in base64. */
export function inJson(path: string): { path: string; pathBytes?: string } {
  if (!strayByte.test(path)) return { path }
  const bytes = bytesOf(path)
  return { path: bytes.toString(), pathBytes: bytes.toString('base64') }
}

/** What {@link inJson} made of a path. */
export function fromJson({ path, pathBytes }: { path: string; pathBytes?: string }): string {
  return pathBytes === undefined ? path : pathFrom(Buffer.from(pathBytes, 'base64'))
}

/**
 * The words of the command line with all their bytes: Node puts U+FFFD in place of those that are not
 * UTF-8; proc_pid_cmdline(5).
 */
export function exactWords(words: readonly string[]): readonly string[] {
  if (!words.some((word) => word.includes('\ufffd'))) return words
  const text = readFileSync('/proc/self/cmdline', 'latin1')
  // Each word ends with a NUL; those of the program are the last, after Node's own options.
  const all = text.split('\0').slice(0, -1).slice(-words.length)
  const exact = all.map((word) => Buffer.from(word, 'latin1'))
  const same = exact.every((bytes, i) => bytes.toString() === words[i])
  return same && exact.length === words.length ? exact.map(pathFrom) : words
}
