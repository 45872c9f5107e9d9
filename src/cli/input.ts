// What the program reads besides the files that it is about.

import { readFileSync } from 'node:fs'
import { forNode } from './paths.js'

/** The content of a file or, for `-`, of standard input. */
export async function contentOf(file: string): Promise<Buffer> {
  if (file !== '-') return readFileSync(forNode(file))
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk)
  return Buffer.concat(chunks)
}
