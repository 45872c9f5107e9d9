// Copies that check: they throw where a view would show zeros.

import { Buffer } from 'node:buffer'
import { types } from 'node:util'
import { byteCount, rangeWithin } from '../arguments.js'
import { invalidArgType, invalidArgValue, MappingFaultError, outOfRange } from '../errors.js'
import { maxBufferLength } from '../limits.js'
import { type NativeFault, native, type Result } from '../native.js'
import { toMappingFault } from './fault-delivery.js'
import { checked, regionOf } from './lifetime.js'
import type { Region } from './region.js'
import { ViewedMemory } from './views.js'

export function assertCopied(
  result: NativeFault | null | Result,
  region: Region,
  syscall: string,
): void {
  if (result === null) return
  if (typeof result === 'number') checked(result, syscall, region.path)
  else throw new MappingFaultError(toMappingFault(result), region.path)
}

type Getter = (this: ArrayBufferView) => unknown

function getters(prototype: object): Record<'buffer' | 'byteOffset' | 'byteLength', Getter> {
  const of = (name: string) => Object.getOwnPropertyDescriptor(prototype, name)?.get as Getter
  return { buffer: of('buffer'), byteOffset: of('byteOffset'), byteLength: of('byteLength') }
}

const dataView = getters(DataView.prototype)
const typedArray = getters(Object.getPrototypeOf(Uint8Array.prototype))

/** The bytes of a view, whatever a subclass says that they are. */
export function viewBytes(view: ArrayBufferView, name: string): Uint8Array {
  const { buffer, byteOffset, byteLength } = types.isDataView(view) ? dataView : typedArray
  try {
    return new Uint8Array(
      buffer.call(view) as ArrayBuffer,
      byteOffset.call(view) as number,
      byteLength.call(view) as number,
    )
  } catch {
    throw invalidArgValue(name, view, 'must not be detached')
  }
}

function sourceBytes(source: unknown): Uint8Array {
  if (typeof source === 'string') return Buffer.from(source)
  if (ArrayBuffer.isView(source)) return viewBytes(source, 'source')
  throw invalidArgType('source', 'of type string or an instance of ArrayBufferView', source)
}

export abstract class CopiedMemory extends ViewedMemory {
  /**
   * Copies bytes out. Never gives bytes that are not the file's: a page that cannot be read, or
   * that was replaced after a fault, is an error.
   *
   * @param offset in bytes from the start of the mapping
   * @param length in bytes
   * @throws MappingFaultError · ERR_MAPPING_CLOSED · ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE
   */
  read(offset: number | bigint, length: number | bigint): Buffer {
    const start = byteCount(offset, 'offset')
    const count = byteCount(length, 'length')
    const region = regionOf(this)
    rangeWithin(region.byteLength, start, count)
    if (count > maxBufferLength) throw outOfRange('length', `<= ${maxBufferLength}`, count)
    const target = Buffer.allocUnsafe(count)
    assertCopied(native.copyOut(region.handle, start, target), region, 'read')
    return target
  }

  /**
   * Copies bytes in; a string as UTF-8. Either the whole source fits or nothing is written, but a
   * fault on the way leaves the part before it written.
   *
   * @param offset in bytes from the start of the mapping
   * @returns how many bytes were written: all of them
   * @throws MappingFaultError also when the memory may only be read · ERR_MAPPING_CLOSED ·
   *   ERR_OUT_OF_RANGE when the source reaches past the end · ERR_INVALID_ARG_TYPE
   */
  write(offset: number | bigint, source: ArrayBufferView | string): number {
    const start = byteCount(offset, 'offset')
    const bytes = sourceBytes(source)
    const region = regionOf(this)
    const { length: rest } = rangeWithin(region.byteLength, start, undefined)
    if (bytes.length > rest) {
      throw outOfRange('source.byteLength', `<= ${rest} at offset ${start}`, bytes.length)
    }
    assertCopied(native.copyIn(region.handle, start, bytes), region, 'write')
    return bytes.length
  }
}
