// @ts-check
// A control group with a limit of memory; cgroups(7).

import fs from 'node:fs'
import { join } from 'node:path'

const root = '/sys/fs/cgroup'

/** The group of this process, as /proc/self/cgroup has it, in the hierarchy that counts memory. */
function ownGroup() {
  const lines = fs.readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')
  const parts = lines.map((line) => line.split(':'))
  const first = parts.find(([, controllers]) => controllers?.split(',').includes('memory'))
  if (first !== undefined) return { path: join(root, 'memory', first[2] ?? ''), unified: false }
  const [, , path = '/'] = parts.find(([id]) => id === '0') ?? []
  return { path: join(root, path), unified: true }
}

/**
 * Makes a group that may use so much memory, page cache included, and goes when this process ends.
 *
 * @param {number} limitBytes
 * @returns {{ group: string } | { missing: string }}
 */
export function makeMemoryGroup(limitBytes) {
  const { path, unified } = ownGroup()
  const group = join(path, `posix-mmap-bench-${process.pid}`)
  try {
    fs.mkdirSync(group)
    process.once('exit', () => {
      try {
        fs.rmdirSync(group)
      } catch {
        // A process in it has not ended yet: an empty group stays behind.
      }
    })
    const limit = join(group, unified ? 'memory.max' : 'memory.limit_in_bytes')
    fs.writeFileSync(limit, String(limitBytes))
    return { group }
  } catch (error) {
    return { missing: `no control group with a limit of memory can be made: ${error}` }
  }
}

/**
 * Moves this process into a group.
 *
 * @param {string} group
 */
export function enterMemoryGroup(group) {
  fs.writeFileSync(join(group, 'cgroup.procs'), String(process.pid))
}
