// @ts-check
// A server of its own on the loopback interface: Redis or Valkey, whichever is installed. It keeps nothing
// on the disk, and ends with this process.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const programs = ['redis-server', 'valkey-server']
const patience = 10_000

/** The program that is installed, or undefined. */
export function installedServer() {
  return programs.find((program) => spawnSync(program, ['--version']).status === 0)
}

/** Why there is no server, for those who skip then. */
export const notInstalled = `none of ${programs.join(', ')} is installed`

/**
 * Starts one on a free port.
 *
 * @param {string} program
 */
export async function startServer(program) {
  const port = await freePort()
  const settings = { bind: '127.0.0.1', port, save: '', appendonly: 'no', loglevel: 'warning' }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`])
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const stop = () => void child.kill('SIGKILL')
  process.once('exit', stop)
  const ended = once(child, 'close').finally(() => process.off('exit', stop))
  await untilListening(port, child)
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      stop()
      await ended
    },
  }
}

/** Somebody else may take it before the server does: that ends the server, and is an error. */
async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {net.AddressInfo} */ (server.address())
  server.close()
  await once(server, 'close')
  return port
}

/**
 * @param {number} port
 * @param {import('node:child_process').ChildProcess} child
 */
async function untilListening(port, child) {
  const end = performance.now() + patience
  while (performance.now() < end) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`)
    const socket = net.connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch {
      await delay(20)
    } finally {
      socket.destroy()
    }
  }
  child.kill('SIGKILL')
  throw new Error(`the server does not listen after ${patience} ms`)
}
