// Parses the command line, runs the command that it names, and turns the outcome into an exit code.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { packageRoot } from '../native.js'
import { type Command, type CommandLine, type ExitCode, exit, UsageError } from './command.js'
import { evict } from './evict.js'
import { maps } from './maps.js'
import { print, printError, whenOutputFails } from './output.js'
import { residency } from './residency.js'
import { warm } from './warm.js'

const commands: Readonly<Record<string, Command>> = { residency, warm, evict, maps }

const help = `Usage: posix-mmap COMMAND …

Shows which parts of files and processes are in memory, and reads files into the
page cache or drops them from it.

  residency FILE…  draw which parts of files are in the page cache
  warm FILE…       read files into the page cache
  evict FILE…      drop files from the page cache
  maps PID         list the mappings of a process

  posix-mmap COMMAND --help describes a command; --version prints the version.

Exit codes: 0 done, 1 something could not be done, 2 wrong usage.
`

function version(): string {
  const file = path.join(packageRoot, 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

const common = { help: { type: 'boolean', short: 'h' }, json: { type: 'boolean' } } as const

function parse(command: Command, words: string[]): CommandLine {
  try {
    const options = { ...common, ...command.options }
    const { values, positionals } = parseArgs({ args: words, options, allowPositionals: true })
    return { operands: positionals, options: values as CommandLine['options'] }
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

async function runCommand(command: Command, words: string[]): Promise<ExitCode> {
  const line = parse(command, words)
  if (line.options['help'] !== true) return command.run(line)
  await print(command.help)
  return exit.ok
}

async function dispatch(name: string | undefined, words: string[]): Promise<ExitCode> {
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
  throw new UsageError(`there is no ${name.startsWith('-') ? 'option' : 'command'} '${name}'`)
}

/** Runs the program and returns its exit code. Prints errors and never throws. */
export async function main([name, ...words]: string[]): Promise<ExitCode> {
  whenOutputFails((error) => {
    // The reader has closed the pipe, as `head` does: it has what it wanted, and that is not an
    // error.
    if (error.code === 'EPIPE') process.exit(exit.ok)
    printError(`posix-mmap: ${error.message}\n`)
    process.exit(exit.failure)
  })
  try {
    return await dispatch(name, words)
  } catch (error) {
    const { message } = error as Error
    if (!(error instanceof UsageError)) {
      await printError(`posix-mmap: ${message}\n`)
      return exit.failure
    }
    const of = name !== undefined && Object.hasOwn(commands, name) ? `${name} ` : ''
    await printError(`posix-mmap: ${message}\nTry 'posix-mmap ${of}--help'.\n`)
    return exit.usage
  }
}
