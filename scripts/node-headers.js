// Finds the headers that were installed with Node, so that node-gyp does not download them.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

const prefix = resolve(process.execPath, '../..')

/** The directory for node-gyp's --nodedir; undefined if Node was installed without headers. */
export const nodeDirectory = existsSync(`${prefix}/include/node/node_api.h`) ? prefix : undefined
