// The headers that were installed with Node, where there are any: node-gyp would otherwise download
// them.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

const prefix = resolve(process.execPath, '../..')

/** What node-gyp calls nodedir, or undefined. */
export const nodeDirectory = existsSync(`${prefix}/include/node/node_api.h`) ? prefix : undefined
