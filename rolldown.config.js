// What is published of src/ is few files: an import spends most of its time on finding each of them.
import { defineConfig } from 'rolldown'
import { builtinModules } from './scripts/builtin-modules.js'

export default defineConfig({
  input: {
    index: 'src/index.ts',
    posix: 'src/posix.ts',
    sync: 'src/sync.ts',
    shared: 'src/shared.ts',
    keyv: 'src/keyv.ts',
    cli: 'src/cli.ts',
    // For tests alone, and not published.
    internals: 'src/internals.ts',
  },
  platform: 'node',
  external: [/^node:/, 'node-gyp-build'],
  plugins: [builtinModules],
  output: {
    dir: 'dist',
    // The declarations have them.
    comments: { jsdoc: false },
    // In dist itself, since the addon is looked for in the folder above.
    chunkFileNames: '[name].js',
    codeSplitting: {
      groups: [
        { name: 'library', test: /\/src\/(?!cli|internals|sync|shared|keyv)/, priority: 1 },
        { name: 'synchronisation', test: /\/src\/sync\// },
        { name: 'structures', test: /\/src\/shared\// },
        { name: 'program', test: /\/src\/cli\// },
      ],
    },
  },
})
