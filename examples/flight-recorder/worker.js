// @ts-check
// A process that logs what it does, and comes to a bad end.
//
//   node worker.js FILE END, with a counter from withShared()

import { SharedMemory } from 'posix-mmap'
import { Recorder } from './recorder.js'

const [, , path = '', end] = process.argv
const recorder = new Recorder(path)
// So that the demo can check the recorder: how many lines there must be.
const counter = SharedMemory.inherited('counter').view(Int32Array)

let number = 0

/** @param {string} text */
function log(text) {
  number++
  recorder.log(`line ${number}: ${text}`)
  Atomics.store(counter, 0, number)
}

/** @type {number[][]} */
const kept = []
log('started')
for (let request = 1; ; request++) {
  log(`request ${request} came`)
  if (end === 'leak') {
    log(`request ${request} keeps ${kept.length + 1} arrays`)
    kept.push(Array.from({ length: 50_000 }, (_, i) => i + 0.5))
  }
  if (end === 'kill itself' && request === 5000) {
    log('the last thing that it does')
    process.kill(process.pid, 'SIGKILL')
  }
  log(`request ${request} was answered`)
}
