import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const built = (file: string) => fileURLToPath(new URL(`./dist/${file}`, import.meta.url))

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    reporters: ['default', './test/support/skip-reporter.ts'],
    // Tests and the child processes that they start use the same files: those that are published.
    alias: [
      { find: /^posix-mmap$/, replacement: built('index.js') },
      { find: /^posix-mmap\/posix$/, replacement: built('posix.js') },
    ],
  },
})
