// @ts-check
// Several processes parse a file, and one adds up what they send through a MessageRing. One of them is
// killed in the middle of it; the totals are those of a single process all the same. Ends by itself;
// the last line says pass or fail.
//
//   node examples/ingest-pipeline/main.js

import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { mapFile } from 'posix-mmap'
import { Aggregator } from './aggregator.js'
import { rowOf, Totals, writeMeasurements } from './measurements.js'

const lines = 200_000
const chunkBytes = 1 << 16
const parsers = 4
const victim = 2
/** The victim is killed when the first rows of so many chunks of it have come. */
const survived = 3

const directory = fs.mkdtempSync(path.join(tmpdir(), 'ingest-pipeline-'))
const file = path.join(directory, 'measurements')

function totalsAlone() {
  const totals = new Totals()
  const mapping = mapFile(file)
  for (const line of mapping.lines()) totals.add(...rowOf(String(line)))
  mapping.unmap()
  return totals
}

/** @returns {Promise<string>} the result in one line */
async function demo() {
  writeMeasurements(file, lines)
  const expected = totalsAlone()
  const chunks = Math.ceil(fs.statSync(file).size / chunkBytes)
  const aggregator = new Aggregator(file, chunkBytes)
  /** @type {Set<number>} */
  const begun = new Set()
  await aggregator.run(chunks, parsers, (parser, chunk, child) => {
    if (parser === victim && begun.add(chunk).size === survived) child.kill('SIGKILL')
  })
  const { totals, replaced, repeated, discarded } = aggregator
  console.log(`${chunks} chunks of ${lines} lines, parsed by ${parsers} processes`)
  console.log(
    `parser ${victim} was killed: ${repeated} chunks went to another one, ${discarded} rows came twice`,
  )
  if (replaced !== 1) throw new Error(`${replaced} parsers were replaced`)
  if (totals.rows !== lines) throw new Error(`${totals.rows} rows instead of ${lines}`)
  if (`${totals}` !== `${expected}`) throw new Error('the totals are not those of one process')
  return `${lines} rows counted once each by ${parsers} parsers, one of which was killed`
}

try {
  console.log(`\npass: ${await demo()}`)
} catch (error) {
  console.log(`\nfail: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  fs.rmSync(directory, { recursive: true })
}
