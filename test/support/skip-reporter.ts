// Prints why tests were skipped, which vitest's own reporter leaves out.

import type { Reporter, TestCase } from 'vitest/node'

export default class SkipReporter implements Reporter {
  readonly #reasons = new Map<string, number>()

  onTestCaseResult(test: TestCase): void {
    const result = test.result()
    if (result.state !== 'skipped' || result.note === undefined) return
    this.#reasons.set(result.note, (this.#reasons.get(result.note) ?? 0) + 1)
  }

  onTestRunEnd(): void {
    for (const [reason, count] of this.#reasons) console.log(`skipped ${count}: ${reason}`)
  }
}
