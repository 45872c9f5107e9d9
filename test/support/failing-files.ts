// File systems that fail, in mount namespaces of their own.

import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Scratch } from './files.js'
import { type Finished, runCommand, scriptHelpers } from './processes.js'

const server = fileURLToPath(new URL('fuse-server.py', import.meta.url))

async function works(...command: [string, ...string[]]): Promise<boolean> {
  const [name, ...args] = command
  return (await runCommand(name, ...args)).code === 0
}

/** Why no FUSE file system can be made here, or null. */
export async function whyNoFuse(): Promise<string | null> {
  if (process.getuid?.() !== 0) return 'needs root, to mount a FUSE file system'
  if (!fs.existsSync('/dev/fuse')) return 'needs /dev/fuse'
  if (!(await works('python3', '--version'))) return 'needs python3'
  if (!(await works('unshare', '-m', 'true'))) return 'needs a mount namespace of its own'
  return null
}

/** Why no tmpfs can be mounted here, or null. */
export async function whyNoTmpfs(options: string): Promise<string | null> {
  const mount = `mount -t tmpfs -o ${options} none /mnt`
  if (await works('unshare', '-rm', 'sh', '-c', mount)) return null
  if (await works('unshare', '-m', 'sh', '-c', mount)) return null
  return `needs a mount namespace in which tmpfs can be mounted with ${options}`
}

/** Runs a script with `file`, on a file system whose pages from the fifth on fail so. */
export function runOnFuse(scratch: Scratch, failure: string, script: string): Promise<Finished> {
  const directory = path.join(scratch.directory, `fuse-${failure}`)
  fs.mkdirSync(directory, { recursive: true })
  const file = path.join(directory, 'file')
  const node = [process.execPath, '--input-type=module', '--eval', withFile(file, script)]
  return runCommand('unshare', '-m', 'python3', server, directory, failure, ...node)
}

/** The same in a tmpfs with these options, where `directory` is. */
export async function runOnTmpfs(
  scratch: Scratch,
  options: string,
  script: string,
): Promise<Finished> {
  const directory = path.join(scratch.directory, 'tmpfs')
  fs.mkdirSync(directory, { recursive: true })
  const mount = `mount -t tmpfs -o ${options} none '${directory}' && exec "$@"`
  const program = withFile(path.join(directory, 'file'), script)
  const node = [process.execPath, '--input-type=module', '--eval', program]
  // Where root has no user namespaces, and where nobody but root may mount.
  const flags = (await works('unshare', '-m', 'true')) ? '-m' : '-rm'
  return runCommand('unshare', flags, 'sh', '-c', mount, 'sh', ...node)
}

function withFile(file: string, script: string): string {
  return `${scriptHelpers}
    import { channel } from 'node:diagnostics_channel'
    import { MappingFaultError, mapFile, pageSize } from 'posix-mmap'
    const file = ${JSON.stringify(file)}
    const print = (value) => console.log(JSON.stringify(value))
    const faultOf = async (body) => {
      try {
        await body()
        return 'nothing was thrown'
      } catch (error) {
        return error instanceof MappingFaultError ? { ...error.fault, message: error.message } : String(error)
      }
    }
    ${script}`
}

/** What a script printed that ended well. */
export function printed({ code, signal, stdout, stderr }: Finished): unknown {
  if (code !== 0 || signal !== null) throw new Error(`ended with ${signal ?? code}: ${stderr}`)
  return JSON.parse(stdout)
}
