// A service under load holds no more after a while than it did at first. `npm run soak` is the long form.

import { expect, it } from 'vitest'
import { scratchDirectory } from '../../support/files.js'
import { projectRoot, runCommand } from '../../support/processes.js'

const scratch = scratchDirectory()
const seconds = Number(process.env['POSIX_MMAP_SOAK'] ?? 20)

interface Held {
  mappings: number
  descriptors: number
  anonymousMiB: number
  faults: number
}

function largest(samples: Held[][], what: keyof Held): number {
  return Math.max(...samples.flat().map((held) => held[what]))
}

it('a service over a file that changes holds no more after a while', {
  timeout: (seconds + 120) * 1000,
}, async () => {
  const program = `${projectRoot}/test/behaviour/soak/service.js`
  const { code, signal, stdout, stderr } = await runCommand(
    process.execPath,
    ...['--no-warnings', program, String(seconds), scratch.directory],
  )
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  const { requests, samples } = JSON.parse(stdout) as { requests: number[]; samples: Held[][] }
  expect(Math.min(...requests)).toBeGreaterThan(100)
  const half = samples.length / 2
  const [first, second] = [samples.slice(0, half), samples.slice(half)]
  expect(largest(second, 'faults')).toBeGreaterThan(0)
  expect(largest(second, 'descriptors')).toBeLessThan(largest(first, 'descriptors') + 10)
  // What is dropped waits for the garbage collector, which comes when it likes.
  expect(largest(second, 'mappings')).toBeLessThan(2 * largest(first, 'mappings') + 500)
  expect(largest(second, 'anonymousMiB')).toBeLessThan(largest(first, 'anonymousMiB') + 60)
})
