// What a case is made of.

/** What one round measured: a number for each measure that the contender takes part in. */
export type Measured = Record<string, number | string | null>
/** Measures one round. */
export type Round = () => Measured | Promise<Measured>

/** Values that a case hands to its contenders: paths, sizes, how often. */
// biome-ignore lint/suspicious/noExplicitAny: each case reads what it has prepared itself
export type Parameters = Record<string, any>

export interface Contender {
  /** In a process of its own, before the first round. Throws Unavailable when it cannot be. */
  setUp?(parameters: Parameters): Round | Promise<Round>
  /** Or a program of the case's folder and its arguments. */
  program?: string
  arguments?(parameters: Parameters): (string | number)[]
  /** For the process. */
  flags?: string[]
  /** At most so many rounds, for what takes very long. */
  rounds?: number
  kind: 'limit' | 'package' | 'peer'
}

export interface Measure {
  title: string
  unit: string
  digits?: number
  /** Of what the numbers are; default 'lower'. */
  better?: 'lower' | 'higher'
}

export interface Goal {
  measure: string
  text: string
  /** What the goal looks at, and whether it is met; null when it could not be measured. */
  value(median: (contender: string, measure?: string) => number | null): number | null
  met(value: number): boolean
}

/** Scratch files, and how large things are in this run. */
export interface Setting {
  quick: boolean
  scratch: import('./scratch.js').Scratch
  /** The folder of the compiled programs. */
  binaries: string
}

export interface Case {
  title: string
  rounds?: { full: number; quick: number }
  prepare(setting: Setting): Parameters | Promise<Parameters>
  measures: Record<string, Measure>
  /** The first is what the others are compared with. */
  contenders: Record<string, Contender>
  goals: Goal[]
  /** What was asked of it, with the sizes of this run. */
  describe(parameters: Parameters): string
}

export interface Summary {
  median: number
  lowerQuartile: number
  upperQuartile: number
  lowest: number
  highest: number
  rounds: number[]
}

export interface Result {
  case: string
  title: string
  description: string
  quick: boolean
  measures: Record<string, Measure & { contenders: Record<string, Summary> }>
  kinds: Record<string, Contender['kind']>
  unavailable: Record<string, string>
  goals: { measure: string; text: string; value: number | null; met: boolean | null }[]
}
