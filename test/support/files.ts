// Files to map, and their content and size by read(2) and stat(2).

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect } from 'vitest'

export interface Scratch {
  readonly directory: string
  /** A path in the directory; with `content`, that of a new file which holds it. */
  file(name: string, content?: Uint8Array | string): string
  /** The path of a new file of `size` bytes that has no blocks and no page in the cache. */
  hole(name: string, size: number): string
}

/** A directory that is removed when the tests of the calling file have ended. */
export function scratchDirectory(): Scratch {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'posix-mmap-test-'))
  afterAll(() => fs.rmSync(directory, { recursive: true }))
  const file = (name: string, content?: Uint8Array | string) => {
    const place = path.join(directory, name)
    if (content !== undefined) fs.writeFileSync(place, content)
    return place
  }
  const hole = (name: string, size: number) => {
    const place = file(name, '')
    fs.truncateSync(place, size)
    return place
  }
  return { directory, file, hole }
}

/** Bytes that show their offset, since their period divides no page size. None of them is 0. */
export function pattern(length: number, seed = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) bytes[i] = ((i + seed) % 251) + 1
  return bytes
}

/** Runs `body` with a descriptor that is closed afterwards. */
export function withDescriptor<R>(file: string, flags: string, body: (fd: number) => R): R {
  const fd = fs.openSync(file, flags)
  try {
    return body(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/** `length` bytes at `offset` of a file, by read(2). */
export function readFile(file: string, offset: number, length: number): Buffer {
  return withDescriptor(file, 'r', (fd) => {
    const bytes = Buffer.alloc(length)
    return bytes.subarray(0, fs.readSync(fd, bytes, 0, length, offset))
  })
}

const tmpfs = 0x01021994

/** Whether the directory is on a disk, where stores wait for msync(2); on tmpfs they do not. */
export function isOnDisk({ directory }: Scratch): boolean {
  return fs.statfsSync(directory).type !== tmpfs
}

export const noDisk = 'needs a TMPDIR on a disk'

/**
 * Expects that a file holds these bytes, in the ranges to compare, and names the first that
 * differs.
 */
export function expectContent(
  file: string,
  expected: Uint8Array,
  counts: (at: number) => boolean = () => true,
): void {
  const found = fs.readFileSync(file)
  const firstWrongByte = expected.findIndex((byte, at) => counts(at) && byte !== found[at])
  expect({ size: found.length, firstWrongByte }).toEqual({
    size: expected.length,
    firstWrongByte: -1,
  })
}

/** How much of the disk a file takes, in bytes. */
export function blockBytes(file: string): number {
  return fs.statSync(file).blocks * 512
}
