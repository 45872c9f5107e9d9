// What is published of src/ is few files: an import spends most of its time on finding each of them.
import { defineConfig } from 'rolldown'

/** An import of a module of Node's makes a namespace of all that it exports, and loads that. */
const builtinModules = {
  name: 'builtin-modules',
  /** @param {string} code */
  renderChunk: (code) =>
    code.replaceAll(/^import \{ (.+) \} from "(node:\w+)";$/gm, (_, names, module) => {
      return `const { ${names.replaceAll(' as ', ': ')} } = process.getBuiltinModule("${module}");`
    }),
}

export default defineConfig({
  input: {
    index: 'src/index.ts',
    posix: 'src/posix.ts',
    sync: 'src/sync.ts',
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
        { name: 'library', test: /\/src\/(?!cli|internals|sync)/, priority: 1 },
        { name: 'synchronisation', test: /\/src\/sync\// },
        { name: 'program', test: /\/src\/cli\// },
      ],
    },
  },
})
