// What a child is told of the memory that it inherits: a text in one environment variable, or a table in
// a memfd that the text leads to, since exec(2) takes no variable longer than 32 pages.

import { fstatSync, readSync, writeSync } from 'node:fs'
import { identityOf } from '../kernel/file-identity.js'
import { addSeals } from '../kernel/seals.js'
import { checked, constant, native } from '../native.js'
import { openOwn, type SharedAccess } from './descriptors.js'

/** Where a child finds one segment. */
export interface Entry {
  /** The descriptor in the child, if its stdio was passed on. */
  readonly fd: number
  /**
   * The /proc link to the parent's descriptor, for children that got no stdio, such as
   * execFile()'s.
   */
  readonly holder: string
  /** What the parent's descriptor allows. Opening `holder` could give more than that. */
  readonly access: SharedAccess
  /** Device and inode, since the descriptor may be that of another file by now. */
  readonly identity: string
}

/**
 * The segments of each key, the newest last. Workers of a cluster get all that this process ever
 * passed on under a key.
 */
export type Entries = ReadonlyMap<string, readonly Entry[]>

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false
  const { fd, holder, access, identity } = value as Record<string, unknown>
  return (
    Number.isInteger(fd) &&
    typeof holder === 'string' &&
    typeof identity === 'string' &&
    (access === 'read' || access === 'read-write')
  )
}

/** A descriptor that an entry leads to, with what to close afterwards; throws where there is none. */
function openEntry({ fd, holder, identity }: Entry): { fd: number; close(): void } {
  try {
    if (identityOf(fd) === identity) return { fd, close: () => {} }
  } catch {}
  const own = openOwn(holder, 0)
  const close = () => native.closeDescriptor(own)
  if (identityOf(own) === identity) return { fd: own, close }
  close()
  throw new Error(`${holder} is another file`)
}

const largestTable = 2 ** 26

function readTable(entry: Entry): string {
  const { fd, close } = openEntry(entry)
  try {
    const bytes = Buffer.alloc(Math.min(fstatSync(fd).size, largestTable))
    // With a position, since all children have one file offset.
    let at = 0
    for (let got = 1; got > 0; at += got) got = readSync(fd, bytes, at, bytes.length - at, at)
    return bytes.toString()
  } finally {
    close()
  }
}

/** The entries of a text. Anybody may have set it: anything that is not an entry is left out. */
export function parseEntries(text: unknown): Entries {
  const found = new Map<string, Entry[]>()
  try {
    const value: unknown = JSON.parse(String(text ?? '{}'))
    const entries =
      Array.isArray(value) && isEntry(value[0]) ? JSON.parse(readTable(value[0])) : value
    for (const [key, list] of Object.entries(entries as object)) {
      const valid = Array.isArray(list) ? list.filter(isEntry) : []
      if (valid.length > 0) found.set(key, valid)
    }
  } catch {}
  return found
}

/** How long a text may be before it goes into a table, so that other variables have room. */
const longestText = 2 ** 14

/** A memfd that holds a text; sealed, so that no child changes what the others read. */
export class EntryTable {
  readonly fd: number
  readonly #identity: string

  constructor(text: string) {
    const flags = constant('MFD_CLOEXEC') | constant('MFD_ALLOW_SEALING')
    this.fd = checked(native.memfdCreate('posix-mmap table', flags), 'memfd_create')
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at)
    addSeals(this.fd, null, 'shrink', 'grow', 'write', 'seal')
    this.#identity = identityOf(this.fd)
    unused.register(this, this.fd, this)
  }

  /** What leads to it in a child that has it at `fd`; -1 for one that has it nowhere. */
  reference(fd: number): string {
    const holder = `/proc/${process.pid}/fd/${this.fd}`
    const entry: Entry = { fd, holder, access: 'read', identity: this.#identity }
    return JSON.stringify([entry])
  }

  close(): void {
    unused.unregister(this)
    native.closeDescriptor(this.fd)
  }
}

const unused = new FinalizationRegistry<number>((fd) => native.closeDescriptor(fd))

/** The text of entries, and the table that it must be put into if it is too long for a variable. */
export function writeEntries(entries: Entries): { text: string; table: EntryTable | null } {
  const text = JSON.stringify(Object.fromEntries(entries))
  return { text, table: text.length > longestText ? new EntryTable(text) : null }
}
