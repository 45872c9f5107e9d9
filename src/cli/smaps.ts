// Parses /proc/PID/smaps; proc_pid_smaps(5).

/** One mapping of a process. Sizes are in bytes. */
export interface ProcessMapping {
  /** Hexadecimal; the end is the first address after it. */
  start: string
  end: string
  permissions: string
  /** In the file, in bytes. */
  offset: number
  /** The file, or what the kernel calls it: `[heap]`, `/memfd:name (deleted)`. null: no name. */
  path: string | null
  size: number
  residentBytes: number
  /** Resident bytes that other processes have mapped as well. */
  sharedBytes: number
  /** Resident bytes that were written to and not yet written back. */
  dirtyBytes: number
  swapBytes: number
  /** The sum of the resident pages, each divided by how many processes have it mapped. */
  proportionalBytes: number
}

const head = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) \S+ \d+ *(.*)$/

function parseRecord(record: string): ProcessMapping | null {
  const [first = '', ...lines] = record.split('\n')
  const match = head.exec(first)
  if (match === null) return null
  const [, start = '', end = '', permissions = '', offset = '', path = ''] = match
  const values = new Map<string, number>()
  for (const line of lines) {
    const [, name, kibibytes] = /^(\w+): +(\d+) kB$/.exec(line) ?? []
    if (name !== undefined) values.set(name, Number(kibibytes) * 1024)
  }
  const sum = (...names: string[]) =>
    names.reduce((total, name) => total + (values.get(name) ?? 0), 0)
  return {
    start: `0x${start}`,
    end: `0x${end}`,
    permissions,
    offset: Number.parseInt(offset, 16),
    path: path === '' ? null : path,
    size: sum('Size'),
    // The kernel does not count pages of hugetlbfs in Rss.
    residentBytes: sum('Rss', 'Shared_Hugetlb', 'Private_Hugetlb'),
    sharedBytes: sum('Shared_Clean', 'Shared_Dirty', 'Shared_Hugetlb'),
    dirtyBytes: sum('Shared_Dirty', 'Private_Dirty'),
    swapBytes: sum('Swap'),
    proportionalBytes: sum('Pss'),
  }
}

/** The mappings of a process, ordered by address. */
export function parseSmaps(text: string): ProcessMapping[] {
  return text
    .split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
    .map(parseRecord)
    .filter((mapping) => mapping !== null)
}
