// Parses the command line, runs the command that it names, and turns the outcome into an exit code.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { nearest } from '../errors.js'
import { packageRoot } from '../native.js'
import { type Command, type CommandLine, type ExitCode, exit, UsageError } from './command.js'
import { diff } from './diff.js'
import { evict } from './evict.js'
import { maps } from './maps.js'
import { print, printError, printLastProblem, printProblem, whenOutputFails } from './output.js'
import { bytesOf } from './paths.js'
import { residency } from './residency.js'
import { save } from './save.js'
import { harmless } from './text.js'
import { warm } from './warm.js'

export { exactWords } from './paths.js'

const commands: Readonly<Record<string, Command>> = {
  residency,
  warm,
  evict,
  save,
  diff,
  maps,
}

const help = `Usage: posix-mmap COMMAND …

Shows which parts of files and processes are in memory, and reads files into the
page cache or drops them from it.

  residency FILE…          draw which parts of files are in the page cache
  warm FILE…               read files into the page cache
  evict FILE…              drop files from the page cache
  save --to PICTURE FILE…  write a picture of what is in the page cache
  warm --from PICTURE      read in what was there then, as after a restart
  diff PICTURE             show what has come in and gone out since
  maps PID                 list the mappings of a process

  posix-mmap COMMAND --help describes a command; --version prints the version.

Exit codes: 0 done, 1 something could not be done, 2 wrong usage.
`

function version(): string {
  const file = join(packageRoot, 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

const common = { help: { type: 'boolean', short: 'h' }, json: { type: 'boolean' } } as const

/** `; did you mean '…'?`, if a known word is near. */
function guess(word: string, known: readonly string[], start = ''): string {
  const near = nearest(word, known)
  return near === '' ? '' : `; did you mean '${start}${near}'?`
}

/** Gives options whose value was left out their default; a number that follows is taken for the value. */
function withDefaults(words: readonly string[], defaults: Command['defaults'] = {}): string[] {
  const end = words.indexOf('--')
  return words.map((word, i) => {
    const name = word.slice(2)
    if (!word.startsWith('--') || !Object.hasOwn(defaults, name)) return word
    if (end >= 0 && i > end) return word
    return /^\d*\.?\d+$/.test(words[i + 1] ?? '') ? word : `${word}=${defaults[name]}`
  })
}

function parse(command: Command, given: readonly string[]): CommandLine {
  const options: Command['options'] = { ...common, ...command.options }
  const args = withDefaults(given, command.defaults)
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    return { operands: positionals, options: values as CommandLine['options'] }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') throw new UsageError(message)
    const { tokens } = parseArgs({
      args,
      options,
      allowPositionals: true,
      strict: false,
      tokens: true,
    })
    const unknown = tokens.find(
      (token) => token.kind === 'option' && !Object.hasOwn(options, token.name),
    )
    if (unknown?.kind !== 'option') throw new UsageError(message)
    const near = guess(unknown.name, Object.keys(options), '--')
    throw new UsageError(`there is no option '${unknown.rawName}'${near}`)
  }
}

async function runCommand(command: Command, words: readonly string[]): Promise<ExitCode> {
  const line = parse(command, words)
  if (line.options['help'] !== true) return command.run(line)
  await print(command.help)
  return exit.ok
}

async function dispatch(name: string | undefined, words: readonly string[]): Promise<ExitCode> {
  if (name === undefined) {
    await printError(help)
    return exit.usage
  }
  if (name === '--help' || name === '-h') {
    await print(help)
    return exit.ok
  }
  if (name === '--version') {
    await print(`${version()}\n`)
    return exit.ok
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command !== undefined) return runCommand(command, words)
  const isOption = name.startsWith('-')
  const known = isOption ? ['--help', '--version'] : Object.keys(commands)
  throw new UsageError(
    `there is no ${isOption ? 'option' : 'command'} '${name}'${guess(name, known)}`,
  )
}

/** The word that is the path of an error, or has it after an `=`, with all its bytes. */
function wordOf(error: unknown, words: readonly string[]): string | undefined {
  const { path } = error as NodeJS.ErrnoException
  const operands = words.flatMap((word) => [word, word.replace(/^--[\w-]+=/, '')])
  return operands.find((word) => path !== undefined && bytesOf(word).toString() === path)
}

/** Runs the program and returns its exit code. Prints errors and never throws. */
export async function main([name, ...words]: readonly string[]): Promise<ExitCode> {
  whenOutputFails((error) => {
    // The reader has closed the pipe, as `head` does: it has what it wanted, and that is not an
    // error.
    if (error.code === 'EPIPE') process.exit(exit.ok)
    printLastProblem(error)
    process.exit(exit.failure)
  })
  try {
    return await dispatch(name, words)
  } catch (error) {
    if (!(error instanceof UsageError)) {
      await printProblem(error, wordOf(error, words))
      return exit.failure
    }
    const of = name !== undefined && Object.hasOwn(commands, name) ? `${name} ` : ''
    const problem = harmless(error.message)
    await printError(`posix-mmap: ${problem}\nTry 'posix-mmap ${of}--help'.\n`)
    return exit.usage
  }
}
