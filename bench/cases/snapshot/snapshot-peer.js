// @ts-check
// The other process of the case: publishes as fast as it can, or answers what it is told.

import { Snapshot } from '../../../dist/shared.js'

const [how, times = '0'] = process.argv.slice(2)

if (how === 'publishing') {
  const snapshot = Snapshot.inherited('memory')
  const bytes = new Uint8Array(100)
  process.send?.('ready')
  for (;;) snapshot.publish(bytes)
} else if (how === 'answering') {
  const questions = Snapshot.inherited('memory')
  const answers = Snapshot.inherited('answers')
  const changes = questions.changes()
  process.send?.('ready')
  for (let i = 0; i < Number(times); i++) {
    await changes.next()
    questions.read((bytes) => answers.publish(bytes))
  }
  process.disconnect()
} else {
  process.on('message', (message) => process.send?.(message))
}
