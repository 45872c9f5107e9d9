// A file that overlayfs copies up while it is followed: its inode may keep its number, and what was mapped
// before is the lower file for good.

import { expect, it } from 'vitest'
import { scratchDirectory } from '../../support/files.js'
import { runCommand } from '../../support/processes.js'
import { programsIn } from '../../support/programs.js'

const program = programsIn(scratchDirectory())

const mounts = `
  mount -t tmpfs none /mnt &&
  mkdir /mnt/lower /mnt/upper /mnt/work /mnt/merged &&
  printf one > /mnt/lower/file &&
  mount -t overlay overlay -o lowerdir=/mnt/lower,upperdir=/mnt/upper,workdir=/mnt/work /mnt/merged`

async function whyNoOverlay(): Promise<string | null> {
  const { code } = await runCommand('unshare', '-m', 'sh', '-c', mounts)
  return code === 0 ? null : 'needs a mount namespace in which overlayfs can be mounted'
}

const noOverlay = await whyNoOverlay()

it('follows a file that is copied up, and one that replaces it', async ({ skip }) => {
  if (noOverlay !== null) skip(noOverlay)
  const follow = program(
    'follow.mjs',
    `import fs from 'node:fs'
     import { mapLatest } from 'posix-mmap/shared'
     const file = '/mnt/merged/file'
     const latest = mapLatest(file, { interval: 2 ** 30 })
     const seen = []
     const look = () => seen.push([latest.refresh(), latest.current.text()])
     const first = latest.current
     look()
     fs.writeFileSync(file, 'two')
     look()
     look()
     fs.writeFileSync(file + '.new', 'six')
     fs.renameSync(file + '.new', file)
     look()
     look()
     console.log(JSON.stringify([...seen, first.text()]))
     latest.close()`,
  )
  const command = `${mounts} && exec "$@"`
  const args = ['-m', 'sh', '-c', command, 'sh', process.execPath, follow]
  const { code, stdout, stderr } = await runCommand('unshare', ...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(JSON.parse(stdout)).toEqual([
    [false, 'one'],
    [true, 'two'],
    [false, 'two'],
    [true, 'six'],
    [false, 'six'],
    'one',
  ])
})
