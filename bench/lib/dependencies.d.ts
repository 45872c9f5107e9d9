// Declares the dependencies of bench/, which are not installed at the root: types can then be checked
// without them.
declare module 'simple-statistics' {
  export function median(values: readonly number[]): number
  export function quantile(values: readonly number[], p: number): number
}
declare module 'vega' {
  export function parse(spec: unknown): unknown
  export class View {
    constructor(runtime: unknown, options: { renderer: 'none' })
    toSVG(): Promise<string>
  }
}
declare module 'vega-lite' {
  export function compile(spec: unknown): { spec: unknown }
}
