// @ts-check
// The claims about the two runs that must hold for the demo to pass.

import { statSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { addresses } from './addresses.js'
import { databasePath } from './database.js'
import { knownAnswers } from './known-answers.js'
import { count, mean, mebibytes, sum } from './numbers.js'

/** @typedef {import('./measure.js').Result} Result */

/**
 * @param {Result} mapped
 * @param {Result} read
 * @returns {{ claim: string, holds: boolean }[]}
 */
export function checks(mapped, read) {
  const runs = [mapped, read]
  const answers = runs.flatMap((run) => run.answers)
  const requests = sum(runs.map((run) => run.http.requests))
  const database = mapped.warmed.database
  const saved = savedPerWorker(mapped, read)
  return [
    {
      claim: `${knownAnswers.length} known answers are right in every worker`,
      holds: answers.every(knows),
    },
    {
      claim: `${count(addresses.length)} answers are the same in every worker, mapped or read`,
      holds: answers.every((list) => isDeepStrictEqual(list, answers[0])),
    },
    {
      claim: `${count(requests)} HTTP requests answered right, all workers took part`,
      holds: runs.every((run) => sum(run.served) === run.http.requests && !run.served.includes(0)),
    },
    {
      claim: 'the reader works on the mapped pages themselves, without a copy',
      holds: mapped.opened.every((worker) => worker.zeroCopy),
    },
    {
      claim: 'the workers touched the same pages of the database and share them',
      holds: database.every(({ rss, alone }) => rss > 1024 && alone < rss / 10),
    },
    {
      claim: `a worker that maps holds ${mebibytes(saved)} MiB less for itself alone`,
      holds: saved * 1024 > statSync(databasePath).size / 2,
    },
  ]
}

/**
 * How much less memory a worker that maps holds for itself alone, as the mean of all workers, in KiB.
 *
 * @param {Result} mapped
 * @param {Result} read
 */
export function savedPerWorker(mapped, read) {
  const alone = (/** @type {Result} */ run) =>
    mean(run.warmed.process.map((memory) => memory.alone))
  return alone(read) - alone(mapped)
}

/** @param {(string | null)[]} answers */
function knows(answers) {
  return knownAnswers.every(({ address, country }) => {
    return answers[addresses.indexOf(address)] === country
  })
}
