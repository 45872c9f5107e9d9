// npm runs a script `prebuild` before every `build`, whether or not anybody wants it.
import { readFileSync } from 'node:fs'

/**
 * Whether npm runs the script of this name for the sake of another one. Nothing in the environment
 * says so: npm's own title does.
 * @param {string} script
 */
export function isOnlyAHook(script) {
  let pid = `${process.ppid}`
  for (let generation = 0; generation < 3; generation++) {
    const title = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    if (/^npm /.test(title)) return !title.split(/\s+/).includes(script)
    pid = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '1'
  }
  return false
}
