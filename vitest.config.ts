import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const built = (file: string) => fileURLToPath(new URL(`./dist/${file}`, import.meta.url))

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Most tests wait for a child process: one worker would leave half of two cores idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 60_000,
    // Removing a directory waits for the disk, which the tests of files keep busy.
    hookTimeout: 60_000,
    // As Node loads it, and not put through vite: what is published is what is tested and counted.
    server: { deps: { external: [/\/dist\/[^/]+\.js$/] } },
    setupFiles: ['./test/support/coverage.ts'],
    reporters: ['default', './test/support/skip-reporter.ts'],
    // Tests and the child processes that they start use the same files: those that are published.
    alias: [
      { find: /^posix-mmap$/, replacement: built('index.js') },
      { find: /^posix-mmap\/posix$/, replacement: built('posix.js') },
      { find: /^posix-mmap\/sync$/, replacement: built('sync.js') },
      { find: /^posix-mmap\/keyv$/, replacement: built('keyv.js') },
      { find: /^posix-mmap\/shared$/, replacement: built('shared.js') },
    ],
  },
})
