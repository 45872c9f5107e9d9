// The model of a mapping: an array of pages, with the bytes of each, its protection, and the
// accesses that fault. The rules are those of mmap(2) and of docs/safety.md. The model reports
// faults by ascending addresses, one for each page that is replaced.

import { pageSize } from 'posix-mmap'

/** @typedef {import('posix-mmap').Access} Access */
/** @typedef {import('posix-mmap').Protection} Protection */
/** @typedef {import('posix-mmap').MappingFault} MappingFault */
/** @typedef {import('./file-model.js').FileModel} FileModel */

/** None here is of a file system that fails. @typedef {Exclude<MappingFault['kind'], 'unreadable'>} Kind */

/**
 * The part of a range that lies in one page.
 * @typedef {{ index: number, start: number, end: number }} Segment
 */

/**
 * An access that failed: it touched the bytes `start … end` of one page. `kind` is null where it is
 * not determined: for a store to a page that may only be read and that the file does not have, in a
 * mapping whose pages differ in protection (see corners.test.ts).
 * @typedef {{ kind: Kind | null, start: number, end: number }} Failure
 */

/**
 * @typedef {object} Page
 * @property {Uint8Array | null} bytes its own, or null for those of the file
 * @property {boolean} apart whether the bytes belong to the file no longer, so that truncation and
 *   discard() do not change them
 * @property {Protection} protection
 * @property {Protection | null} asked the protection that was set for it, which a repair leaves alone;
 *   null when a call that failed may have set it or not
 * @property {boolean} replaced whether it was replaced after a fault; read() and write() then throw
 * @property {Kind | null} reason the kind of fault that they report
 */

/** How many failures of each kind there were, so that a test can tell whether each has happened. */
export const failuresSeen = { truncated: 0, 'read-only': 0, 'no-access': 0 }

// After so many repairs in a mapping, or in the process, a repair may replace more than one page.
const mostRepairs = 64
const mostRepairsOfAll = 1024
let repairsOfAll = 0

/** Called when no earlier mapping has addresses any more. */
export function forgetRepairs() {
  repairsOfAll = 0
}

export class MappingModel {
  /** @type {Failure[]} since clearFault() */
  failures = []
  /** Whether the Mapping was dropped, so that only its buffer is referred to. */
  dropped = false
  /** @type {Page[]} */
  pages

  /** Where the file ended when that was told last, if nothing was found right since; or null. */
  #toldEnd = /** @type {number | null} */ (null)
  /** How often a page was replaced. */
  #repairs = 0
  /** @type {Protection | null} the protection of a mapping without pages */
  #ofNone
  /** @type {Protection} as it was last set for all of it in one call */
  #whole
  /** @type {FileModel | null} */
  #file
  #firstPage

  /**
   * @param {FileModel | null} file null for anonymous memory
   * @param {Access} access
   * @param {number} offset
   * @param {number} byteLength
   */
  constructor(file, access, offset, byteLength) {
    this.access = access
    this.byteLength = byteLength
    /** Bytes of the first page before the mapping. */
    this.lead = file === null ? 0 : offset % pageSize
    this.#file = file
    this.#firstPage = (offset - this.lead) / pageSize
    this.#whole = this.#ofNone = this.#asMapped
    this.pages = this.#freshPages([])
  }

  /** @returns {Protection} */
  get protection() {
    return this.#uniform ?? this.#whole
  }

  /** @returns {Protection | null} that of every page; null when pages differ or may differ */
  get #uniform() {
    const first = this.pages[0]
    if (first === undefined) return this.#ofNone
    return this.pages.every(({ asked }) => asked === first.asked) ? first.asked : null
  }

  /** In the file. */
  get offset() {
    return this.#firstPage * pageSize + this.lead
  }

  get anonymous() {
    return this.#file === null
  }

  /** Whether stores reach the file. */
  get shared() {
    return !this.anonymous && this.access !== 'copy-on-write'
  }

  /** The failures so far in the form in which the package reports them. @returns {MappingFault | null} */
  get fault() {
    const [first] = this.failures
    if (first === undefined || first.kind === null) return null
    return { kind: first.kind, offset: first.start, count: this.failures.length }
  }

  /** Whether {@link fault} is not determined. */
  get ambiguous() {
    return this.failures.some(({ kind }) => kind === null)
  }

  /** Whether each page could fault once more and would be replaced alone. */
  get repairable() {
    const { length } = this.pages
    return this.#repairs + length < mostRepairs && repairsOfAll + length < mostRepairsOfAll
  }

  /** @param {number} at @param {number} length @returns {Segment[]} */
  segments(at, length) {
    const segments = []
    for (let start = at; start < at + length; ) {
      const index = Math.floor((this.lead + start) / pageSize)
      const end = Math.min(at + length, (index + 1) * pageSize - this.lead)
      segments.push({ index, start, end })
      start = end
    }
    return segments
  }

  /** Loads from low to high addresses, through a view. @param {number} at @param {number} length */
  load(at, length) {
    return this.#copy(at, length, (segment) => this.#repairFor(segment, false))
  }

  /** Stores from low to high addresses, through a view. @param {number} at @param {Uint8Array} source */
  store(at, source) {
    for (const segment of this.segments(at, source.length)) {
      this.#repairFor(segment, true)
      this.#put(segment, source.subarray(segment.start - at, segment.end - at))
    }
  }

  /**
   * read(): the bytes, or the failure that it throws.
   * @param {number} at @param {number} length
   * @returns {Uint8Array | Failure}
   */
  read(at, length) {
    const replaced = this.#findReplaced(at, length)
    if (replaced !== null) return this.#fromEnd(replaced, at)
    for (const segment of this.segments(at, length)) {
      const failure = this.#failureOf(segment, false)
      if (failure !== null) return this.#recorded(this.#fromEnd(failure, at))
    }
    return this.#pastEnd(at, length, 'content') ?? this.#copy(at, length, () => {})
  }

  /**
   * flush(): null, or the failure that it throws.
   * @param {number} at @param {number} length
   * @returns {Failure | null}
   */
  flush(at, length) {
    if (this.anonymous) return null
    const replaced = this.#findReplaced(at, length)
    if (replaced !== null) return this.#fromEnd(replaced, at)
    const stored = this.shared && (this.#uniform ?? this.#asMapped) === 'read-write'
    return this.#pastEnd(at, length, stored ? 'pages' : 'content')
  }

  /** check(): whether it throws. With `again` as checked() does. @param {boolean} again */
  check(again) {
    if (this.fault !== null) return true
    if (this.#file === null || this.byteLength === 0) return false
    const { size } = this.#file
    if (this.#goesOn(this.byteLength, 'content') || size - this.offset >= this.byteLength) {
      this.#toldEnd = null
      return false
    }
    if (size % pageSize === 0 || (!again && this.#toldEnd === size)) return false
    this.#tellEnd(Math.max(0, size - this.offset))
    return true
  }

  /**
   * write(): null, or the failure that it throws. What lies before the failure is written.
   * @param {number} at @param {Uint8Array} source
   * @returns {Failure | null}
   */
  write(at, source) {
    const { length } = source
    const replaced = this.#findReplaced(at, length)
    if (replaced !== null) return this.#fromEnd(replaced, at)
    const end = this.#pastEnd(at, length, 'content')
    if (end !== null) return end
    for (const segment of this.segments(at, length)) {
      const failure = this.#failureOf(segment, true)
      if (failure !== null) return this.#recorded(this.#fromEnd(failure, at))
      this.#put(segment, source.subarray(segment.start - at, segment.end - at))
    }
    return this.#pastEnd(at, length, 'behind')
  }

  /**
   * @param {Protection} wanted @param {number} at @param {number} length
   * @returns {string | null} the code of the error
   */
  protect(wanted, at, length) {
    const touched = this.segments(at, length).map(({ index }) => this.#page(index))
    // The descriptor was opened for reading only.
    const refused = touched.findIndex(
      ({ apart }) => wanted === 'read-write' && this.access === 'read' && !apart,
    )
    for (const page of refused === -1 ? touched : touched.slice(0, refused))
      page.protection = wanted
    for (const page of touched) page.asked = refused === -1 ? wanted : null
    if (refused !== -1) return 'EACCES'
    if (this.pages.length === 0) this.#ofNone = wanted
    if (length === this.byteLength) this.#whole = wanted
    return null
  }

  /** @param {number} at @param {number} length @returns {string | null} the code of the error */
  discard(at, length) {
    if (this.shared) return 'EINVAL'
    const end = at + length
    const first = at === 0 ? 0 : Math.ceil((this.lead + at) / pageSize)
    const last =
      end === this.byteLength ? this.pages.length : Math.floor((this.lead + end) / pageSize)
    const filled = length === 0 ? [] : this.pages.slice(first, Math.max(first, last))
    for (const page of filled) {
      page.bytes = page.apart ? new Uint8Array(pageSize) : null
      if (this.anonymous) Object.assign(page, { replaced: false, reason: null })
    }
    return this.anonymous ? this.#zeroAround(at, end, first, filled.length) : null
  }

  /** @param {number} at @param {number} length @returns {string | null} the code of the error */
  punchHole(at, length) {
    if (!this.shared) return 'EINVAL'
    const writable =
      this.#uniform === null ? this.access !== 'read' : this.#uniform === 'read-write'
    if (!writable) return 'EACCES'
    // Zeroing the replaced page would not change the file.
    if (this.#findReplaced(at, length) !== null) return 'EFAULT'
    const { first, filled } = this.#filledPages(at, length)
    const start = (this.#firstPage + first) * pageSize
    this.#file?.zero(start, start + filled.length * pageSize)
    return this.#zeroAround(at, at + length, first, filled.length)
  }

  /**
   * Whether {@link punchHole} has only one outcome. It has not if a page of the range may be made
   * writable but is not writable now, and others are: kernels differ there.
   * @param {number} at @param {number} length
   */
  canPunch(at, length) {
    if (!this.shared || this.#uniform !== null || this.access === 'read') return true
    if (this.#findReplaced(at, length) !== null) return true
    const { filled } = this.#filledPages(at, length)
    return filled.every(({ protection }) => protection === 'read-write')
  }

  /**
   * Resizes a mapping of a file to another length.
   * @param {number} byteLength @returns {string | null} the code of the error
   */
  resize(byteLength) {
    if (!this.shared || this.access === 'read') return 'ERR_INVALID_ARG_VALUE'
    const before = this.byteLength
    if (byteLength === before) return null
    // mremap(2) maps again what the first page maps, which then is not the file.
    if (before > 0 && byteLength > 0 && this.pages[0]?.replaced) return 'EINVAL'
    const end = this.offset + byteLength
    if (byteLength > before) this.#file?.reserve(end)
    else this.#file?.truncate(end)
    if (before === 0) this.#ofNone ??= 'read-write'
    else if (byteLength === 0) this.#ofNone = this.#uniform
    this.byteLength = byteLength
    this.pages = this.#freshPages(this.pages)
    this.#repairs = 0
    this.#toldEnd = null
    return null
  }

  /** Private copies lose the bytes past the new end of the file as well. */
  fileShrank() {
    const present = (this.#file?.pages ?? 0) - this.#firstPage
    for (const page of this.pages.slice(Math.max(0, present))) {
      if (!page.apart) page.bytes = null
    }
  }

  /**
   * The first run of the bytes `at … at + length` that a store may touch. Bytes past the end of the
   * file in its last page are left out: some mappings share them, and the kernel may zero them at
   * any time.
   * @param {number} at @param {number} length
   */
  determined(at, length) {
    let start = at
    let end = at + length
    for (const segment of this.segments(at, length)) {
      const page = this.#page(segment.index)
      if (page.bytes !== null || this.#file === null || !this.#present(segment.index)) continue
      if (!this.shared || page.protection !== 'read-write') continue
      const endOfFile = this.#file.size - this.#firstPage * pageSize - this.lead
      if (segment.end <= endOfFile) continue
      if (segment.start >= endOfFile) start = segment.end
      else end = endOfFile
    }
    return { at: start, length: Math.max(0, end - start) }
  }

  /** @returns {Protection} */
  get #asMapped() {
    return this.access === 'read' ? 'read' : 'read-write'
  }

  /**
   * What of a failure is told of a range that begins at `from`: the first byte that is gone, if the
   * file ended before the page that failed.
   * @param {Failure} failure @param {number} from @returns {Failure}
   */
  #fromEnd(failure, from) {
    if (failure.kind !== 'truncated' || this.#file === null) return failure
    const end = Math.max(from, this.#file.size - this.offset)
    return end < failure.start ? { ...failure, start: end } : failure
  }

  /**
   * Whether the bytes before `end` show that the file goes on, or the page behind them does.
   * @param {number} end @param {'content' | 'behind' | 'pages'} evidence
   */
  #goesOn(end, evidence) {
    const [segment] = this.segments(end - 1, 1)
    if (segment === undefined) return true
    const { index } = segment
    const own = !this.#page(index).replaced
    const at = this.lead + end - 1 - index * pageSize
    const inRange = own && evidence === 'content'
    const inPage = own && (evidence === 'content' || (evidence === 'behind' && at !== pageSize - 1))
    if (inRange || inPage) {
      if (this.#failureOf(segment, false) !== null) return false
      const bytes = this.#content(index)
      if ((inRange && bytes[at] !== 0) || (inPage && bytes[pageSize - 1] !== 0)) return true
    }
    const next = this.pages[index + 1]
    if (next === undefined || next.replaced) return false
    return this.#failureOf({ index: index + 1, start: end, end: end + 1 }, false) === null
  }

  /**
   * The failure of a range that no access to it shows, since the file ended inside a page.
   * @param {number} at @param {number} length @param {'content' | 'behind' | 'pages'} evidence
   * @returns {Failure | null}
   */
  #pastEnd(at, length, evidence) {
    if (length === 0 || this.#file === null || this.#goesOn(at + length, evidence)) return null
    const end = this.#file.size - this.offset
    return end >= at + length ? null : this.#tellEnd(Math.max(at, end))
  }

  /** @param {number} start @returns {Failure} */
  #tellEnd(start) {
    this.#toldEnd = this.#file?.size ?? null
    return this.#recorded({ kind: 'truncated', start, end: start + 1 })
  }

  /**
   * New pages have the protection of the one before them.
   * @param {Page[]} before @returns {Page[]}
   */
  #freshPages(before) {
    const { anonymous, byteLength } = this
    const count = byteLength === 0 ? 0 : Math.ceil((this.lead + byteLength) / pageSize)
    return Array.from({ length: count }, (_, index) => {
      const protection = (before[index] ?? before.at(-1))?.asked ?? this.#ofNone ?? this.#asMapped
      return {
        bytes: anonymous ? new Uint8Array(pageSize) : null,
        apart: anonymous,
        protection,
        asked: protection,
        replaced: false,
        reason: null,
      }
    })
  }

  /** @param {number} index */
  #page(index) {
    const page = this.pages[index]
    if (page === undefined) throw new RangeError(`no page ${index}`)
    return page
  }

  /** @param {number} index */
  #present(index) {
    return this.#page(index).bytes !== null || this.#firstPage + index < (this.#file?.pages ?? 0)
  }

  /** The bytes of a page, whatever its protection. @param {number} index */
  #content(index) {
    const own = this.#page(index).bytes
    if (own !== null) return own
    return this.#file?.page(this.#firstPage + index) ?? new Uint8Array(pageSize)
  }

  /**
   * @param {Segment} segment @param {boolean} store
   * @returns {Failure | null} why an access fails
   */
  #failureOf({ index, start, end }, store) {
    const { protection } = this.#page(index)
    const present = this.#present(index)
    /** @param {Kind | null} kind */
    const failure = (kind) => ({ kind, start, end })
    if (protection === 'none') return failure('no-access')
    if (store && protection === 'read') {
      if (!present && this.#uniform === null) return failure(null)
      return failure('read-only')
    }
    return present ? null : failure('truncated')
  }

  /** @param {Failure} failure */
  #recorded(failure) {
    if (failure.kind !== null) failuresSeen[failure.kind]++
    this.failures.push(failure)
    return failure
  }

  /** @param {Segment} segment @param {boolean} store */
  #repairFor(segment, store) {
    const failure = this.#failureOf(segment, store)
    if (failure === null) return
    const page = this.#page(segment.index)
    // A readable page of private memory need not be replaced: it only becomes writable.
    const readable = page.protection !== 'none' && this.#present(segment.index)
    if (!readable || this.shared) {
      page.bytes = readable ? this.#content(segment.index).slice() : new Uint8Array(pageSize)
      page.apart = true
    }
    page.protection = store || this.access !== 'read' ? 'read-write' : 'read'
    page.replaced = true
    page.reason = failure.kind
    this.#repairs++
    repairsOfAll++
    this.#recorded(failure)
  }

  /** @param {Segment} segment @param {Uint8Array} source */
  #put({ index, start }, source) {
    const page = this.#page(index)
    const within = this.lead + start - index * pageSize
    if (page.bytes === null && !this.shared) page.bytes = this.#content(index).slice()
    this.#content(index).set(source, within)
  }

  /** @param {number} at @param {number} length @param {(segment: Segment) => void} before */
  #copy(at, length, before) {
    const bytes = new Uint8Array(length)
    for (const segment of this.segments(at, length)) {
      before(segment)
      const offset = this.lead - segment.index * pageSize
      const part = this.#content(segment.index).subarray(
        segment.start + offset,
        segment.end + offset,
      )
      bytes.set(part, segment.start - at)
    }
    return bytes
  }

  /** @param {number} at @param {number} length @returns {Failure | null} */
  #findReplaced(at, length) {
    for (const { index, start, end } of this.segments(at, length)) {
      const { replaced, reason } = this.#page(index)
      if (replaced) return { kind: reason, start, end }
    }
    return null
  }

  /** @param {number} at @param {number} length */
  #filledPages(at, length) {
    const first = Math.ceil((this.lead + at) / pageSize)
    const last = Math.floor((this.lead + at + length) / pageSize)
    return { first, filled: this.pages.slice(first, Math.max(first, last)) }
  }

  /**
   * Zeroes the part of a range that lies outside of the `count` pages from `first` on.
   * @param {number} at @param {number} end @param {number} first @param {number} count
   */
  #zeroAround(at, end, first, count) {
    for (const segment of this.segments(at, end - at)) {
      if (first <= segment.index && segment.index < first + count) continue
      const failure = this.#failureOf(segment, true)
      if (failure !== null) {
        this.#recorded(failure)
        return 'EFAULT'
      }
      this.#put(segment, new Uint8Array(segment.end - segment.start))
    }
    return null
  }
}
