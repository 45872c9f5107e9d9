// Requests for locks by name, of all processes of a user, in one segment under one mutex.
//
// A request is a record. Those of one bucket of names are a list in the order in which they came, and one
// is granted when no request before it with the same name is in its way. Whoever takes a record out
// grants what can be granted then. When somebody dies at it, the next one rebuilds the lists from the
// records: each is complete when its state says that it is one.

import { createHash } from 'node:crypto'
import { fstatSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { systemError } from '../errors.js'
import { SharedMemory } from '../mapping.js'
import { wake } from './futex.js'
import { Mutex, placeOfMutex } from './mutex.js'
import type { Site } from './owner.js'

/** `'shared'` locks of a name can be held together, an `'exclusive'` one alone. */
export type LockMode = 'exclusive' | 'shared'

/** A lock that somebody has or waits for. */
export interface LockInfo {
  /** What it was asked for by; the end of a long name is missing. */
  name: string
  /** As it was asked for. */
  mode: LockMode
  /** The process that asked, by its number in its own pid namespace. */
  pid: number
}

/** How many requests there can be at a time, among all processes of a user. */
const capacity = 16384
const recordWords = 64

// Words of the segment: a line for each of the first two, then the buckets, then the records.
const layoutWord = 0
const layout = 0x6c6b7301 // 'lks' and the version
const stealsWord = 1
const freeWord = 2
const sequenceBytes = 16 // the number of the next request, a double
const mutexBytes = 64
const bucketsWord = 32
const recordsWord = bucketsWord + capacity
const segmentBytes = 4 * (recordsWord + capacity * recordWords)

// Words of a record.
const stateWord = 0
const nextWord = 1 // of its list: the number of a record, counted from 1
const ownerWord = 2
const pidWord = 3
const modeWord = 4
/** Woken when the state has changed. */
const turnWord = 5
const bytesWord = 6 // how long the name is, in bytes
const shownWord = 7 // how much of it is in the record
const sequenceWord = 8 // a double
const hashWord = 10 // of the name, 16 bytes
const hashWords = 4
const nameWord = 16
const mostShown = 4 * (recordWords - nameWord)

const free = 0
const pending = 1
const held = 2
const stolen = 3

export type Grant = 'held' | 'pending' | 'stolen'

/** A name as the table compares it. */
interface Key {
  readonly text: Buffer
  readonly hash: Int32Array
  readonly bucket: number
}

function keyOf(name: string): Key {
  const text = Buffer.from(name)
  const digest = createHash('sha256').update(text).digest()
  const hash = Int32Array.from({ length: hashWords }, (_, i) => digest.readInt32LE(4 * i))
  return { text, hash, bucket: bucketsWord + ((hash[0] ?? 0) & (capacity - 1)) }
}

/** A record that this thread has put in. */
export interface Request {
  readonly record: number
  readonly key: Key
}

export class LockTable {
  readonly words: Int32Array
  readonly #memory: SharedMemory
  readonly #bytes: Uint8Array
  readonly #doubles: Float64Array
  readonly #mutex: Mutex
  readonly #site: Site
  readonly #path: string
  #last: Promise<unknown> = Promise.resolve()

  constructor() {
    const user = process.geteuid?.() ?? 0
    const name = `posix-mmap-locks-${user}`
    this.#memory = SharedMemory.openOrCreate(name, segmentBytes)
    this.#path = `/dev/shm/${name}`
    const { uid } = fstatSync(this.#memory.fd)
    if (uid !== user) {
      this.#memory.unmap()
      const remark = ` (it belongs to the user ${uid})`
      throw systemError(-constants.errno.EACCES, 'shm_open', name, remark)
    }
    this.words = this.#memory.view(Int32Array)
    this.#bytes = this.#memory.bytes()
    this.#doubles = this.#memory.view(Float64Array, 0, Math.floor(segmentBytes / 8))
    const before = Atomics.compareExchange(this.words, layoutWord, 0, layout)
    if (before !== 0 && before !== layout) {
      const message = `The segment '${name}' is of another version, or damaged: 0x${before.toString(16)}`
      throw Object.assign(new Error(message), { code: 'ERR_SHARED_LAYOUT' })
    }
    this.#mutex = new Mutex(this.#memory, mutexBytes)
    this.#site = placeOfMutex(this.#mutex).site
  }

  /** Whether others who ask now find this segment, which somebody may have removed. */
  isCurrent(): boolean {
    try {
      return statSync(this.#path).ino === fstatSync(this.#memory.fd).ino
    } catch {
      return false
    }
  }

  /** Runs `body` while nobody else is at the table; those of this thread in the order of the calls. */
  locked<R>(body: () => R): Promise<R> {
    const run = this.#last.then(async () => {
      await this.#mutex.lock()
      try {
        if (this.#mutex.ownerDied || this.words[freeWord] === 0) {
          this.#rebuild()
          if (this.#mutex.ownerDied) this.#mutex.markConsistent()
        }
        return body()
      } finally {
        this.#mutex.unlock()
      }
    })
    this.#last = run.catch(() => {})
    return run
  }

  // What follows is called in locked().

  /** Puts a request in at the end; `first`: before all others, whose locks are stolen. */
  add(name: string, mode: LockMode, first: boolean): Request | null {
    const key = keyOf(name)
    const record = this.#take()
    if (record === 0) return null
    const at = this.#wordOf(record)
    const { words } = this
    words[at + ownerWord] = this.#site.owner
    words[at + pidWord] = process.pid
    words[at + modeWord] = mode === 'shared' ? 1 : 0
    words[at + bytesWord] = key.text.length
    words[at + shownWord] = Math.min(key.text.length, mostShown)
    this.#bytes.set(key.text.subarray(0, mostShown), 4 * (at + nameWord))
    words.set(key.hash, at + hashWord)
    const sequence = sequenceBytes / 8
    const number = (this.#doubles[sequence] ?? 0) + 1
    this.#doubles[sequence] = number
    this.#doubles[(at + sequenceWord) / 2] = first ? -number : number
    words[at + nextWord] = 0
    Atomics.store(words, at + stateWord, pending)
    if (first) {
      this.#steal(key)
      words[at + nextWord] = words[key.bucket] ?? 0
      words[key.bucket] = record
    } else {
      this.#append(key.bucket, record)
    }
    this.#grant(key)
    return { record, key }
  }

  stateOf({ record }: Request): Grant {
    const state = Atomics.load(this.words, this.#wordOf(record) + stateWord)
    return state === held ? 'held' : state === pending ? 'pending' : 'stolen'
  }

  /** Takes a request out, and grants what was in its way. */
  remove(request: Request): void {
    this.#drop(request.key.bucket, request.record)
    this.#grant(request.key)
  }

  /** Takes out the dead who are in the way of a request. */
  clear({ key }: Request): void {
    let removed = false
    for (const record of [...this.#list(key.bucket)]) {
      if (!this.#isNamed(record, key) || !this.#isDead(record)) continue
      this.#drop(key.bucket, record)
      removed = true
    }
    if (removed) this.#grant(key)
  }

  query(): { held: LockInfo[]; pending: LockInfo[] } {
    const found: { state: number; sequence: number; info: LockInfo }[] = []
    const dead = this.#deadOwners()
    for (let record = 1; record <= capacity; record++) {
      const at = this.#wordOf(record)
      const state = this.words[at + stateWord] ?? free
      if ((state !== held && state !== pending) || dead.has(this.words[at + ownerWord] ?? 0))
        continue
      const start = 4 * (at + nameWord)
      const shown = this.words[at + shownWord] ?? 0
      const cut = (this.words[at + bytesWord] ?? 0) > shown
      const text = Buffer.from(this.#bytes.subarray(start, start + shown)).toString()
      const info: LockInfo = {
        name: cut ? `${text.replace(/\uFFFD+$/, '')}…` : text,
        mode: this.words[at + modeWord] === 1 ? 'shared' : 'exclusive',
        pid: this.words[at + pidWord] ?? 0,
      }
      found.push({ state, sequence: this.#sequenceOf(record), info })
    }
    found.sort((a, b) => a.sequence - b.sequence)
    const those = (state: number) =>
      found.filter((one) => one.state === state).map(({ info }) => info)
    return { held: those(held), pending: those(pending) }
  }

  /** The word that is woken when a request's state has changed. */
  turnOf({ record }: Request): number {
    return this.#wordOf(record) + turnWord
  }

  get steals(): number {
    return stealsWord
  }

  #wordOf(record: number): number {
    return recordsWord + (record - 1) * recordWords
  }

  #sequenceOf(record: number): number {
    return this.#doubles[(this.#wordOf(record) + sequenceWord) / 2] ?? 0
  }

  #isDead(record: number): boolean {
    return this.#site.isDead(this.words[this.#wordOf(record) + ownerWord] ?? 0)
  }

  #isNamed(record: number, { hash, text }: Key): boolean {
    const at = this.#wordOf(record)
    if (this.words[at + bytesWord] !== text.length) return false
    return hash.every((word, i) => this.words[at + hashWord + i] === word)
  }

  *#list(bucket: number): Generator<number> {
    let record = this.words[bucket] ?? 0
    while (record !== 0) {
      const next = this.words[this.#wordOf(record) + nextWord] ?? 0
      yield record
      record = next
    }
  }

  #append(bucket: number, record: number): void {
    let last = bucket
    for (const one of this.#list(bucket)) last = this.#wordOf(one) + nextWord
    this.words[last] = record
  }

  /** A record that nobody has, or 0; the first in the list of those is never taken. */
  #take(): number {
    for (let tries = 0; ; tries++) {
      const first = this.words[freeWord] ?? 0
      const next = this.words[this.#wordOf(first) + nextWord] ?? 0
      if (next !== 0) {
        this.words[freeWord] = next
        return first
      }
      if (tries > 0) return 0
      this.#removeDead()
    }
  }

  #drop(bucket: number, record: number): void {
    const at = this.#wordOf(record)
    // From here on a rebuild does not find it.
    Atomics.store(this.words, at + stateWord, free)
    let before = bucket
    for (const one of this.#list(bucket)) {
      if (one === record) this.words[before] = this.words[at + nextWord] ?? 0
      before = this.#wordOf(one) + nextWord
    }
    this.words[at + nextWord] = this.words[freeWord] ?? 0
    this.words[freeWord] = record
  }

  #deadOwners(): Set<number> {
    const owners = new Set<number>()
    for (let record = 1; record <= capacity; record++) {
      const at = this.#wordOf(record)
      if (this.words[at + stateWord] !== free) owners.add(this.words[at + ownerWord] ?? 0)
    }
    owners.delete(this.#site.owner)
    const asked = Int32Array.from(owners)
    this.#site.findDead(asked)
    const dead = new Set(asked)
    dead.delete(0)
    return dead
  }

  #removeDead(): void {
    const dead = this.#deadOwners()
    for (let record = 1; record <= capacity; record++) {
      const at = this.#wordOf(record)
      const used = this.words[at + stateWord] !== free
      if (used && dead.has(this.words[at + ownerWord] ?? 0)) {
        Atomics.store(this.words, at + stateWord, free)
      }
    }
    this.#rebuild()
  }

  /** Makes the lists anew from the records, and grants what can be granted. */
  #rebuild(): void {
    const { words } = this
    words.fill(0, bucketsWord, recordsWord)
    const used: number[] = []
    let last = 0
    words[freeWord] = 0
    for (let record = 1; record <= capacity; record++) {
      const at = this.#wordOf(record)
      words[at + nextWord] = 0
      if (words[at + stateWord] !== free) {
        used.push(record)
        continue
      }
      if (last === 0) words[freeWord] = record
      else words[this.#wordOf(last) + nextWord] = record
      last = record
    }
    used.sort((a, b) => this.#sequenceOf(a) - this.#sequenceOf(b))
    const sequence = used.reduce((most, one) => Math.max(most, Math.abs(this.#sequenceOf(one))), 0)
    this.#doubles[sequenceBytes / 8] = Math.max(sequence, this.#doubles[sequenceBytes / 8] ?? 0)
    for (const record of used) {
      const at = this.#wordOf(record)
      if (words[at + stateWord] === stolen) continue
      this.#append(bucketsWord + ((words[at + hashWord] ?? 0) & (capacity - 1)), record)
    }
    for (let bucket = bucketsWord; bucket < recordsWord; bucket++) {
      if (words[bucket] !== 0) this.#grantAll(bucket)
    }
  }

  #grantAll(bucket: number): void {
    const seen: Key[] = []
    for (const record of this.#list(bucket)) {
      if (seen.some((key) => this.#isNamed(record, key))) continue
      const at = this.#wordOf(record)
      const hash = this.words.slice(at + hashWord, at + hashWord + hashWords)
      const key = { text: { length: this.words[at + bytesWord] } as Buffer, hash, bucket }
      seen.push(key)
      this.#grant(key)
    }
  }

  /** Grants the requests of a name that none before is in the way of. */
  #grant(key: Key): void {
    const { words } = this
    let none = true
    let onlyShared = true
    for (const record of this.#list(key.bucket)) {
      if (!this.#isNamed(record, key)) continue
      const at = this.#wordOf(record)
      const shared = words[at + modeWord] === 1
      if (words[at + stateWord] === pending && (shared ? onlyShared : none)) {
        this.#turn(record, held)
      }
      none = false
      onlyShared &&= shared
    }
  }

  #steal(key: Key): void {
    for (const record of [...this.#list(key.bucket)]) {
      if (!this.#isNamed(record, key) || this.words[this.#wordOf(record) + stateWord] !== held)
        continue
      this.#unlink(key.bucket, record)
      this.#turn(record, stolen)
    }
    Atomics.add(this.words, stealsWord, 1)
    wake(this.words, stealsWord, Number.POSITIVE_INFINITY)
  }

  #unlink(bucket: number, record: number): void {
    let before = bucket
    for (const one of this.#list(bucket)) {
      if (one === record) this.words[before] = this.words[this.#wordOf(one) + nextWord] ?? 0
      else before = this.#wordOf(one) + nextWord
    }
  }

  #turn(record: number, state: number): void {
    const at = this.#wordOf(record)
    Atomics.store(this.words, at + stateWord, state)
    Atomics.add(this.words, at + turnWord, 1)
    wake(this.words, at + turnWord, Number.POSITIVE_INFINITY)
  }
}
