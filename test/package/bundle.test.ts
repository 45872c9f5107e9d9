// How rolldown.config.js rewrites imports of Node's own modules.

import { rolldown } from 'rolldown'
import { describe, expect, it } from 'vitest'
import { builtinModules } from '../../scripts/builtin-modules.js'
import { scratchDirectory } from '../support/files.js'
import { runForJson } from '../support/processes.js'

const scratch = scratchDirectory()

/** The code of a bundle of one module, made in the same way as dist/. */
async function bundled(source: string): Promise<string> {
  const bundle = await rolldown({
    input: scratch.file('module.js', source),
    platform: 'node',
    external: [/^node:/],
    plugins: [builtinModules],
    treeshake: false,
  })
  try {
    const { output } = await bundle.generate()
    return output[0].code
  } finally {
    await bundle.close()
  }
}

describe('an import that becomes process.getBuiltinModule()', () => {
  it.each([
    ['of names', "import { sep } from 'node:path'\nconst seen = sep"],
    ['of a name that is another here', "import { sep as s } from 'node:path'\nconst seen = s"],
    [
      'over several lines',
      "import {\n  sep,\n  join,\n} from 'node:path'\nconst seen = join('', sep)",
    ],
    ['of the default export', "import path from 'node:path'\nconst seen = path.sep"],
    [
      'of the default export by its name',
      "import { default as p } from 'node:path'\nconst seen = p.sep",
    ],
    ['of both', "import path, { sep } from 'node:path'\nconst seen = path === null ? '' : sep"],
    ['of a name that is a string', "import { 'sep' as s } from 'node:path'\nconst seen = s"],
    ['of a module in a module', "import { sep } from 'node:path/posix'\nconst seen = sep"],
    ['without node:', "import { sep } from 'path'\nconst seen = sep"],
    [
      'after text of more than one byte',
      "/* ü – 𝄞 */ const ü = '𝄞'; import { sep } from 'node:path'\nconst seen = sep",
    ],
  ])('%s', async (_name, source) => {
    const code = await bundled(`${source}\nconsole.log(JSON.stringify(seen))`)
    expect(code).not.toMatch(/\bimport\b/)
    expect(await runForJson(code)).toBe('/')
  })
})

describe('an import that ends the build', () => {
  it.each([
    ['of a namespace', "import * as path from 'node:path'\nconsole.log(path)"],
    [
      'of a namespace and the default export',
      "import p, * as path from 'node:path'\nconsole.log(p, path)",
    ],
    ['for its side effects', "import 'node:fs/promises'"],
    ['by a re-export of everything', "export * from 'node:fs/promises'"],
    ['by import()', "console.log(() => import('node:fs/promises'))"],
  ])('%s', async (_name, source) => {
    const [, module] = /'(node:[^']+)'/.exec(source) ?? []
    await expect(bundled(source)).rejects.toThrow(`module.js still imports modules of Node's`)
    await expect(bundled(source)).rejects.toThrow(`${module}`)
  })
})
