// @ts-check
// A job as cron starts it: it shares nothing with other runs of it but the name of a lock.
//
//   node job.js DIRECTORY PAUSE
//
// Adds a line to a report, in three steps that no other run may come between.

import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { locks } from 'posix-mmap/sync'

const [, , directory = '.', pause = '10'] = process.argv
const report = path.join(directory, 'report')
const draft = path.join(directory, 'draft')

await locks.request(`report of ${directory}`, async () => {
  // A run that was killed leaves its draft, which is only a draft.
  fs.rmSync(draft, { force: true })
  fs.copyFileSync(report, draft, fs.constants.COPYFILE_EXCL)
  console.log('working')
  await delay(Number(pause))
  fs.appendFileSync(draft, `${process.pid}\n`)
  fs.renameSync(draft, report)
})
console.log('done')
