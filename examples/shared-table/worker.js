// @ts-check
// One worker: it answers questions from the table and counts its answers, both in memory that all workers
// share. main.js starts it by fork() with withShared().

import { SharedMemory } from 'posix-mmap'
import { countersIn } from './counters.js'
import { lookUpIn } from './look-up.js'

const cities = SharedMemory.inherited('cities')
const lookUp = lookUpIn(cities)
const counters = countersIn(SharedMemory.inherited('counters'))

/** @typedef {typeof tasks} Tasks */
const tasks = {
  /** @param {[country: string, name: string][]} questions */
  answer(questions) {
    return questions.map(([country, name]) => {
      const answer = lookUp(country, name)
      if (answer === null) counters.missed()
      else counters.answered(country)
      return answer
    })
  },

  /** Tries to change the table in every way, and returns the error code of each attempt. */
  vandalise() {
    /** @type {string[]} */
    const ends = []
    for (const attempt of [
      () => cities.protect('read-write'),
      () => SharedMemory.open(cities.fd, { access: 'read-write' }),
      () => SharedMemory.open(`/proc/self/fd/${cities.fd}`, { access: 'read-write' }),
      // A store goes to a private page of this process, and checked() reports it.
      () => cities.checked(() => cities.bytes().fill(0, 0, 4)),
    ]) {
      try {
        attempt()
        ends.push('done')
      } catch (error) {
        ends.push(String(Reflect.get(/** @type {object} */ (error), 'code')))
      }
    }
    return ends
  },
}

/** @param {{ task: keyof Tasks, argument: any }} message */
function perform({ task, argument }) {
  process.send?.(tasks[task](argument))
}

process.on('message', perform)
