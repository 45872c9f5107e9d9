// @ts-check
// Describes the machine on which the numbers were measured.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import os from 'node:os'
import { pageSize } from './package.js'

/** @typedef {ReturnType<typeof machine>} Machine */

/** @param {string} scratch */
export function machine(scratch) {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memory: `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    architecture: os.arch(),
    kernel: `${os.type()} ${os.release()}`,
    pageSize,
    hugePages: chosen('/sys/kernel/mm/transparent_hugepage/enabled'),
    scratch: fileSystemOf(scratch),
    node: process.version,
    v8: process.versions.v8,
    compiler: firstLine('cc', '--version'),
    load: os.loadavg().map((load) => load.toFixed(1)),
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
  }
}

/**
 * The setting in force in a file of sysfs, which stands in brackets there.
 *
 * @param {string} file
 */
function chosen(file) {
  try {
    return /\[(\w+)\]/.exec(readFileSync(file, 'utf8'))?.[1] ?? 'unknown'
  } catch {
    return 'none'
  }
}

/**
 * @param {string} command
 * @param {...string} args
 */
function firstLine(command, ...args) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' }).split('\n', 1)[0] ?? ''
  } catch {
    return 'none'
  }
}

/** @param {string} place */
function fileSystemOf(place) {
  try {
    const lines = execFileSync('stat', ['--file-system', '--format=%T', place], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
    return lines.trim()
  } catch {
    return 'unknown'
  }
}

/** @param {Machine} machine */
export function machineLine(machine) {
  const { cpu, cores, memory, architecture, kernel, node, v8, hugePages, scratch } = machine
  const place = `${cpu}, ${cores} cores, ${memory}, ${architecture}`
  const system = `${kernel}, pages of ${machine.pageSize}, transparent huge pages: ${hugePages}`
  const versions = `Node ${node} (V8 ${v8}), ${machine.compiler}`
  const when = `${machine.date} UTC, load before ${machine.load.join(' ')}`
  return [place, system, `scratch files on ${scratch}`, versions, when]
}
