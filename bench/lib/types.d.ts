// The parts of a case.

/** What one round measured: a number for each measure that the contender takes part in. */
export type Measured = Record<string, number | string | null>
/** Measures one round. */
export type Round = () => Measured | Promise<Measured>

/** Values that a case hands to its contenders: paths, sizes, numbers of times. */
// biome-ignore lint/suspicious/noExplicitAny: each case reads what it has prepared itself
export type Parameters = Record<string, any>

export interface Contender {
  /**
   * Called in the contender's process before the first round. Throws Unavailable if it cannot run
   * here.
   */
  setUp?(parameters: Parameters): Round | Promise<Round>
  /** Instead of `setUp`: a program of the case's folder, with its arguments. */
  program?: string
  arguments?(parameters: Parameters): (string | number)[]
  /** Options of Node for the contender's process. */
  flags?: string[]
  /** Limits the number of rounds of a contender that takes very long. */
  rounds?: number
  kind: 'limit' | 'package' | 'peer'
}

export interface Measure {
  title: string
  unit: string
  digits?: number
  /** Which numbers are better; default 'lower'. */
  better?: 'lower' | 'higher'
}

export interface Goal {
  measure: string
  text: string
  /** The value that `met` judges; null if it could not be measured. */
  value(median: (contender: string, measure?: string) => number | null): number | null
  met(value: number): boolean
}

/** The scratch files, and whether this run is a quick one with small sizes. */
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
  /** The others are compared with the first. */
  contenders: Record<string, Contender>
  goals: Goal[]
  /** Says what is measured, with the sizes of this run. */
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
