import { spawn } from 'node:child_process'
import { pageSize } from 'posix-mmap'
import { expect, it } from 'vitest'
import { hasTerminals, noTerminals, program } from '../support/cli.js'
import { pattern, scratchDirectory } from '../support/files.js'
import { finished } from '../support/programs.js'

const scratch = scratchDirectory()
const file = scratch.file('watched', pattern(3 * pageSize))

/** Sends SIGINT to a program once `mark` is so often in its output, and waits for its end. */
async function rounds(count: number, mark: string, command: string, ...args: string[]) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stdout.on('data', (data) => {
    text += data
    if (text.split(mark).length > count) child.kill('SIGINT')
  })
  return finished(child)
}

it('appends a round after the other where there is no terminal, until SIGINT', async () => {
  const args = [program, 'residency', '--watch', '0.1', file]
  const { code, signal, stdout, stderr } = await rounds(3, 'resident', process.execPath, ...args)
  // By this a shell sees that the program was interrupted, and says 130.
  expect({ code, signal, stderr }).toEqual({ code: null, signal: 'SIGINT', stderr: '' })
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
  const lines = stdout.split('\n')
  expect(lines.length).toBeGreaterThanOrEqual(9)
  for (let i = 0; i < 9; i += 3) {
    expect(lines[i]).toMatch(time)
    expect(lines[i + 1]?.startsWith(`${file}  `)).toBe(true)
    expect(lines[i + 2]).toMatch(/^1 file: /)
  }
})

it('is code 130 to a shell, even in the background, where a shell ignores SIGINT', async () => {
  const script = '"$0" "$1" residency --watch 0.1 "$2" & echo "pid $!"; wait $!; echo "code $?"'
  const child = spawn('sh', ['-c', script, process.execPath, program, file])
  let text = ''
  let interrupted = false
  child.stdout.on('data', (data) => {
    text += data
    const [, pid] = /^pid (\d+)$/m.exec(text) ?? []
    if (pid === undefined || !text.includes('resident') || interrupted) return
    interrupted = process.kill(Number(pid), 'SIGINT')
  })
  const { stdout } = await finished(child)
  expect(stdout).toMatch(/\ncode 130\n$/)
})

it('--json has a line for each round', async () => {
  const args = [program, 'residency', '--json', '--watch=0.1', file]
  const { signal, stdout } = await rounds(2, '\n', process.execPath, ...args)
  expect(signal).toBe('SIGINT')
  for (const line of stdout.trimEnd().split('\n')) {
    expect(JSON.parse(line)).toEqual({
      time: expect.any(String),
      files: [expect.objectContaining({ path: file, pages: 3 })],
    })
  }
})

it.for([
  ['2 seconds', ['--watch', file]],
  ['the number', ['--watch', '0.3', file]],
  ['nothing behind --', ['--watch', '--', file]],
])('takes %s for its value', async ([, options]) => {
  const args = [program, 'residency', ...(options as string[])]
  const { signal, stdout } = await rounds(1, '1 file: ', process.execPath, ...args)
  expect(signal).toBe('SIGINT')
  expect(stdout).toContain('1 file: ')
})

it('draws in place on a terminal, in as many lines as it has', async ({ skip }) => {
  if (!hasTerminals) skip(noTerminals)
  const files = Array.from({ length: 30 }, (_, i) => scratch.file(`many-${i}`, 'x')).join(' ')
  const watch = `exec ${process.execPath} ${program} residency --watch 0.1 ${files} /nothing-there`
  const command = `stty cols 80 rows 10 -opost; ${watch}`
  const { stdout } = await rounds(3, '\u001b[J', 'script', '-qefc', command, '/dev/null')
  expect(stdout.startsWith('\u001b[2J\u001b[H')).toBe(true)
  const frames = stdout.split('\u001b[H').slice(1, 3)
  for (const frame of frames) {
    const lines = frame.replace('\u001b[J', '').split('\u001b[K\n')
    // The cursor is then in the tenth.
    expect(lines).toHaveLength(10)
    expect(lines[7]).toBe('… 24 more')
    expect(lines[8]).toContain('30 files: ')
    expect(frame.endsWith('\u001b[J')).toBe(true)
  }
})
