// Children under Node's permission model.

import { type Finished, projectRoot, runCommand } from './processes.js'

const flags = process.allowedNodeEnvironmentFlags

const model = ['--permission', '--experimental-permission'].find((flag) => flags.has(flag))

/** Why there is no permission model here; undefined if there is one. */
export const whyNoPermissions: string | undefined =
  model === undefined ? 'this runtime has no permission model' : undefined

/** Runs an ES module that may do what `allowed` says, and no more. */
export function runPermitted(script: string, ...allowed: string[]): Promise<Finished> {
  const options = [model ?? '', ...allowed, '--input-type=module', '--eval', script]
  return runCommand(process.execPath, ...options)
}

/** What a program needs that only loads the package. */
export const loading: readonly string[] = ['--allow-addons', `--allow-fs-read=${projectRoot}/*`]
