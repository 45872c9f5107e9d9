// @ts-check
// Reads from the kernel how much memory a process takes, in KiB; proc(5).

import { readFile } from 'node:fs/promises'

/**
 * @typedef {object} Memory
 * @property {number} rss all resident pages
 * @property {number} pss the same, each page divided by the number of processes that map it
 * @property {number} alone pages that no other process maps
 * @property {number} shared pages that other processes map as well
 */

/**
 * The memory of a whole process.
 *
 * @param {number} pid
 */
export async function memoryOfProcess(pid) {
  return sum(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'))
}

/**
 * The memory of one file that a process has mapped.
 *
 * @param {number} pid
 * @param {string} path
 */
export async function memoryOfMappedFile(pid, path) {
  const smaps = await readFile(`/proc/${pid}/smaps`, 'utf8')
  const mappings = smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  return sum(mappings.filter((text) => text.split('\n', 1)[0]?.endsWith(` ${path}`)).join(''))
}

/**
 * @param {string} text
 * @returns {Memory}
 */
function sum(text) {
  /** @param {RegExp} field */
  const total = (field) =>
    Array.from(text.matchAll(field), ([, kib]) => Number(kib)).reduce((a, b) => a + b, 0)
  return {
    rss: total(/^Rss: +(\d+) kB$/gm),
    pss: total(/^Pss: +(\d+) kB$/gm),
    alone: total(/^Private_(?:Clean|Dirty|Hugetlb): +(\d+) kB$/gm),
    shared: total(/^Shared_(?:Clean|Dirty|Hugetlb): +(\d+) kB$/gm),
  }
}
