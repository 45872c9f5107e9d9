// Atomic instructions that are compiled in line. Each function of Atomics is a call to V8, which takes
// several times as long as the instruction; a function of WebAssembly is compiled into its caller. But it
// works on WebAssembly's own memory alone, in which the kernel is made to show memory of ours.

import { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { common, type Handle, hasEventLoopOfNode, native } from '../native.js'

/**
 * The instructions. An address is a number of bytes, and a multiple of 4. It is not checked that it lies in
 * the memory which was shown: another one may be shown beside it.
 */
export interface Instructions {
  compareExchange(address: number, expected: number, replacement: number): number
  exchange(address: number, value: number): number
  load(address: number): number
  store(address: number, value: number): void
}

/** What WebAssembly has of them, as far as it is needed here. */
interface Exports extends Instructions {
  readonly memory: { readonly buffer: SharedArrayBuffer; grow(pages: number): number }
}

interface WebAssembly {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object) => { exports: Exports }
}

/**
 * (module
 *   (memory (export "memory") 1 65536 shared)
 *   (func (export "compareExchange") (param i32 i32 i32) (result i32)
 *     (i32.atomic.rmw.cmpxchg (local.get 0) (local.get 1) (local.get 2)))
 *   (func (export "exchange") (param i32 i32) (result i32)
 *     (i32.atomic.rmw.xchg (local.get 0) (local.get 1)))
 *   (func (export "load") (param i32) (result i32) (i32.atomic.load (local.get 0)))
 *   (func (export "store") (param i32 i32) (i32.atomic.store (local.get 0) (local.get 1))))
 */
const program =
  'AGFzbQEAAAABGARgA39/fwF/YAJ/fwF/YAF/AX9gAn9/AAMFBAABAgMFBgEDAYCABAc2BQZtZW1vcnkCAA9jb21wYXJlRXhj' +
  'aGFuZ2UAAAhleGNoYW5nZQABBGxvYWQAAgVzdG9yZQADCi0EDAAgACABIAL+SAIACwoAIAAgAf5BAgALCAAgAP4QAgALCgAg' +
  'ACAB/hcCAAs='

/** What the length of WebAssembly's memory is a multiple of. */
const blockBytes = 1 << 16
/** Its addresses are numbers of 32 bits. */
const mostBytes = 2 ** 32
/** More of it is not shown, to leave room for others. */
const mostShownBytes = 2 ** 30

/** A segment as the instructions see it. */
export class Shown {
  /** Of its first byte; 0 where it is not shown, or not any more. */
  address: number
  readonly byteLength: number

  constructor(address: number, byteLength: number) {
    this.address = address
    this.byteLength = byteLength
  }
}

/** What overlay() answers when nothing may be shown at the addresses any more. */
const lostAddresses = -constants.errno.EFAULT

/** The memory of WebAssembly, and who has which part of it. */
class Place {
  readonly instructions: Instructions
  readonly #memory: Exports['memory']
  /** The addresses of parts that were given back, by their length in blocks. */
  readonly #free = new Map<number, number[]>()

  constructor({ memory, compareExchange, exchange, load, store }: Exports) {
    // Not the object of the exports, whose properties V8 looks up by name each time.
    this.instructions = { compareExchange, exchange, load, store }
    this.#memory = memory
  }

  show(handle: Handle, byteLength: number): Shown {
    if (byteLength === 0 || byteLength > mostShownBytes) return notShown
    const blocks = Math.ceil(byteLength / blockBytes)
    const address = this.#free.get(blocks)?.pop() ?? this.#grow(blocks)
    if (address === 0) return notShown
    const result = native.overlay(handle, this.#part(address, byteLength))
    if (result === 0) return new Shown(address, byteLength)
    if (result !== lostAddresses) this.#giveBack(address, blocks)
    return notShown
  }

  hide(shown: Shown): void {
    const { address, byteLength } = shown
    // Whoever has words of it yet must not find the next one there.
    shown.address = 0
    if (native.clearOverlay(this.#part(address, byteLength)) !== 0) return // and nobody gets it
    this.#giveBack(address, Math.ceil(byteLength / blockBytes))
  }

  #part(address: number, byteLength: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, address, byteLength)
  }

  #giveBack(address: number, blocks: number): void {
    const free = this.#free.get(blocks)
    if (free === undefined) this.#free.set(blocks, [address])
    else free.push(address)
  }

  #grow(blocks: number): number {
    const end = this.#memory.buffer.byteLength
    if (end + blocks * blockBytes > mostBytes) return 0
    try {
      return this.#memory.grow(blocks) * blockBytes
    } catch {
      return 0 // the process may have no more memory of its own
    }
  }
}

/** Whether the kernel may refuse a page of memory that it has promised: a hole in a segment could not be filled then. */
function isCommitLimited(): boolean {
  try {
    return readFileSync('/proc/sys/vm/overcommit_memory', 'utf8').startsWith('2')
  } catch {
    return true
  }
}

function createPlace(): Place | null {
  // Not there with --jitless. Elsewhere memory of WebAssembly may be any memory of the process.
  const { WebAssembly } = globalThis as unknown as { WebAssembly?: WebAssembly }
  if (WebAssembly === undefined || !hasEventLoopOfNode || isCommitLimited()) return null
  try {
    const module = new WebAssembly.Module(Uint8Array.from(Buffer.from(program, 'base64')))
    return new Place(new WebAssembly.Instance(module).exports)
  } catch {
    return null // its memory takes 8 GiB of addresses, and a process may be limited to less
  }
}

let place: Place | null | undefined

/** Only for memory that is shown, and after {@link findInstructions}. */
export let instructions: Instructions

/** For each copy of this code in a thread, also where another one has had the memory shown. */
export function findInstructions(): void {
  // Once: V8 collects garbage over and over before it says that there are too few addresses.
  if (place !== undefined) return
  place = common('instructions', createPlace)
  if (place !== null) instructions = place.instructions
}

/** For memory that Atomics is to be used on. */
export const notShown = new Shown(0, 0)

/** Shows a region to the instructions, if that can be: one whose pages are there and cannot be taken away. */
export function showToInstructions(handle: Handle, byteLength: number): Shown {
  findInstructions()
  return place?.show(handle, byteLength) ?? notShown
}

/** Before the region goes. */
export function hideFromInstructions(shown: Shown): void {
  if (shown.address !== 0) place?.hide(shown)
}
