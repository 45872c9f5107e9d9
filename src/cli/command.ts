// The interface that each command of the program implements.

import type { ParseArgsConfig } from 'node:util'

/** Exit codes of the program. */
export const exit = {
  ok: 0,
  /** Something could not be done; standard error says what. */
  failure: 1,
  /** The command line is not one that the program accepts. */
  usage: 2,
} as const

export type ExitCode = (typeof exit)[keyof typeof exit]

export interface CommandLine {
  operands: string[]
  options: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>
}

export interface Command {
  /** What `--help` prints. Its first line is the usage. */
  help: string
  options: NonNullable<ParseArgsConfig['options']>
  /** Options whose value may be left out, and what it is then. */
  defaults?: Readonly<Record<string, string>>
  run(line: CommandLine): Promise<ExitCode>
}

/** Thrown for a command line that the program does not accept. */
export class UsageError extends Error {}
