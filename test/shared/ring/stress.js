// Producers that send messages of random lengths and bytes through one MessageRing as fast as they can.
//   node test/shared/ring/stress.js PRODUCERS MESSAGES [flip]
// prints what the consumer saw, as JSON; 8 producers of 1000000 take minutes. With 'flip' it changes a
// byte of one message before it looks at it: the control that a damaged message is noticed.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import { withShared } from '../../../dist/index.js'
import { MessageRing } from '../../../dist/shared.js'

const headBytes = 12
const mostBytes = 6000
// So small that it is full, and begun anew, all the time.
const ringBytes = 1 << 15

/** @param {number} seed */
function generator(seed) {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/**
 * @param {number} number
 * @param {number} count
 */
async function produce(number, count) {
  const ring = MessageRing.inherited('ring')
  const random = generator(Math.imul(0x9e3779b9, number + 1))
  const pool = new Uint8Array(2 * mostBytes).map(() => random())
  const buffer = new Uint8Array(headBytes + mostBytes)
  let total = 0
  for (let sequence = 0; sequence < count; sequence++) {
    const most = random() % 50 === 0 ? mostBytes : 200
    const begin = random() % mostBytes
    const content = pool.subarray(begin, begin + 1 + (random() % most))
    pool[begin] = random()
    const checksum = crc32(content, sequence)
    total = (total + checksum) >>> 0
    const message = buffer.subarray(0, headBytes + content.length)
    const head = new DataView(message.buffer)
    head.setUint32(0, number)
    head.setUint32(4, sequence)
    head.setUint32(8, checksum)
    message.set(content, headBytes)
    const way = random() % 8
    if (way === 0) await ring.send(message)
    else if (way === 1) {
      const place = ring.reserve(message.length)
      if (place === null) ring.sendSync(message)
      else {
        place.set(message)
        ring.commit()
      }
    } else if (!ring.trySend(message)) ring.sendSync(message)
  }
  ring[Symbol.dispose]()
  process.stdout.write(String(total))
}

/**
 * @param {number} producers
 * @param {number} count
 * @param {boolean} flips
 */
async function stress(producers, count, flips) {
  const ring = MessageRing.create(ringBytes)
  const next = new Float64Array(producers)
  const totals = new Float64Array(producers)
  const seen = { messages: 0, damaged: 0, disordered: 0, unknown: 0 }
  const look = (/** @type {Uint8Array} */ message) => {
    seen.messages++
    if (flips && seen.messages === 1000) message[headBytes] = 1 + (message[headBytes] ?? 0)
    const head = new DataView(message.buffer, message.byteOffset, message.byteLength)
    const [number, sequence] = [head.getUint32(0), head.getUint32(4)]
    const checksum = crc32(message.subarray(headBytes), sequence)
    if (checksum !== head.getUint32(8)) seen.damaged++
    if (number >= producers) {
      seen.unknown++
      return
    }
    if (sequence !== next[number]) seen.disordered++
    next[number] = sequence + 1
    totals[number] = ((totals[number] ?? 0) + checksum) >>> 0
  }
  const children = Array.from({ length: producers }, (_, number) => {
    const args = [fileURLToPath(import.meta.url), 'producer', String(number), String(count)]
    const options = withShared({ ring: ring.memory }, { stdio: ['ignore', 'pipe', 'inherit'] })
    const child = spawn(process.execPath, args, options)
    const said = text(/** @type {import('node:stream').Readable} */ (child.stdout))
    return { said, end: once(child, 'close') }
  })
  const all = Promise.all(children.map(({ end }) => end)).then((ends) => {
    ring.close()
    return ends
  })
  let batch = 0
  for await (const message of ring) {
    look(message)
    // Now and then in place, as many as there are.
    if (++batch % 1000 !== 0) continue
    for (let there = ring.tryReceive(); there !== null; there = ring.tryReceive()) look(there)
  }
  const failed = (await all).filter(([code]) => code !== 0).length
  const said = await Promise.all(children.map((child) => child.said))
  const different = said.filter((total, number) => Number(total) !== totals[number]).length
  return { ...seen, failed, different, lost: producers * count - seen.messages }
}

const [mode = '8', ...rest] = process.argv.slice(2)
if (mode === 'producer') await produce(Number(rest[0]), Number(rest[1]))
else console.log(JSON.stringify(await stress(Number(mode), Number(rest[0]), rest[1] === 'flip')))
