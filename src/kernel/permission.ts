// Node's permission model (--permission), which knows nothing of what an addon opens.

import { resolve } from 'node:path'
import { accessDenied } from '../errors.js'

type Scope = 'fs.read' | 'fs.write'

interface Permission {
  has(scope: Scope, reference: string): boolean
}

/**
 * Asks the permission model, where it is on, before a call of the addon that it would not see.
 *
 * @throws ERR_ACCESS_DENIED
 */
export function assertPermitted(file: string | Buffer, ...scopes: Scope[]): void {
  const { permission } = process as { permission?: Permission }
  if (permission === undefined) return
  // It compares absolute paths with those that were allowed.
  const path = resolve(file.toString())
  for (const scope of scopes) if (!permission.has(scope, path)) throw accessDenied(scope, path)
}
