// Builds kernels for arm64 of Debian's source, with pages of 4, 16 or 64 KiB, and boots one on qemu's
// processor to run a program of Node there, with this checkout at the same path. They are kept in
// .nodes/kernels, and take four minutes each on two cores.
//   node scripts/kernels.js 4|16|64 FILE [ARG…]
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { nodeBinary, rolldownBinding } from './fetch-nodes.js'
import { unpackForeign } from './foreign-packages.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const home = `${root}.nodes/kernels`
/** The one folder of this machine that programs there can write to, at the same path. */
const results = `${root}node_modules/.cache/posix-mmap`

/** The sizes of pages that processors of this kind have, in KiB. */
export const pageSizes = ['4', '16', '64']

// What the tests and Node ask a kernel for, and a disk that this machine provides.
const parts = [
  ...['64BIT', 'SMP', 'PRINTK', 'TTY', 'SERIAL_AMBA_PL011', 'SERIAL_AMBA_PL011_CONSOLE', 'BUG'],
  ...['BLK_DEV_INITRD', 'RD_GZIP', 'BINFMT_ELF', 'BINFMT_SCRIPT', 'BASE_FULL', 'KALLSYMS'],
  ...['FUTEX', 'EPOLL', 'EVENTFD', 'SIGNALFD', 'TIMERFD', 'POSIX_TIMERS', 'HIGH_RES_TIMERS', 'AIO'],
  ...['MULTIUSER', 'FILE_LOCKING', 'FSNOTIFY', 'INOTIFY_USER', 'FHANDLE', 'MEMBARRIER', 'RSEQ'],
  ...['SHMEM', 'TMPFS', 'PROC_FS', 'PROC_SYSCTL', 'PROC_PAGE_MONITOR', 'SYSFS', 'DEVTMPFS'],
  ...['ADVISE_SYSCALLS', 'MEMFD_CREATE', 'HUGETLBFS', 'KSM', 'COMPACTION', 'MIGRATION'],
  ...['TRANSPARENT_HUGEPAGE', 'CROSS_MEMORY_ATTACH', 'CHECKPOINT_RESTORE', 'ELF_CORE', 'COREDUMP'],
  ...['SECCOMP', 'NAMESPACES', 'USER_NS', 'PID_NS', 'CGROUPS', 'MEMCG', 'RANDOM_TRUST_CPU'],
  ...['NET', 'UNIX', 'INET', 'PCI', 'PCI_HOST_GENERIC', 'VIRTIO_MENU', 'VIRTIO_PCI', 'NET_9P'],
  ...['NET_9P_VIRTIO', 'NETWORK_FILESYSTEMS', '9P_FS', 'ARM64_VA_BITS_48'],
]

const packages = [
  ...['qemu-system-arm', 'linux-source', 'gcc-aarch64-linux-gnu', 'make', 'bc', 'flex', 'bison'],
  ...['libssl-dev', 'cpio', 'xz-utils'],
]

/** Installs Debian packages that are missing, or says which they are and ends the process. */
function install() {
  const installed = (/** @type {string} */ name) =>
    spawnSync('dpkg-query', ['--show', '--showformat', '$' + '{Status}', name], {
      encoding: 'utf8',
    }).stdout.includes('install ok installed')
  const missing = packages.filter((name) => !installed(name))
  if (missing.length === 0) return
  console.error(`kernels: apt-get install ${missing.join(' ')}`)
  if (process.getuid?.() !== 0) process.exit(2)
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...missing]]) {
    const { status } = spawnSync('apt-get', ['-qq', ...args], { stdio: 'ignore' })
    if (status !== 0) process.exit(2)
  }
}

/**
 * The path of a kernel, which is built if it is not there yet.
 * @param {string} kib
 */
export function kernel(kib) {
  install()
  const source = `${home}/linux`
  const build = `${home}/build-${kib}`
  const image = `${build}/arch/arm64/boot/Image`
  const ready = `${build}/posix-mmap-ready`
  if (existsSync(ready)) return image
  if (!existsSync(`${source}/Makefile`)) {
    const name = readdirSync('/usr/src').find((each) => /^linux-source-.*\.tar\.xz$/.test(each))
    if (name === undefined) throw new Error('kernels: linux-source has put nothing into /usr/src')
    mkdirSync(source, { recursive: true })
    const options = ['xf', `/usr/src/${name}`, '-C', source, '--strip-components=1']
    execFileSync('tar', options, { stdio: 'inherit' })
  }
  mkdirSync(build, { recursive: true })
  const env = { ...process.env, ARCH: 'arm64', CROSS_COMPILE: 'aarch64-linux-gnu-' }
  const make = (/** @type {string[]} */ ...args) =>
    execFileSync('make', ['-s', '-C', source, `O=${build}`, ...args], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  make('tinyconfig')
  const enabled = [...parts, `ARM64_${kib}K_PAGES`].flatMap((part) => ['-e', part])
  const others = pageSizes.filter((each) => each !== kib)
  const disabled = others.flatMap((each) => ['-d', `ARM64_${each}K_PAGES`])
  execFileSync(`${source}/scripts/config`, ['--file', `${build}/.config`, ...enabled, ...disabled])
  make('olddefconfig')
  make(`-j${availableParallelism()}`, 'Image')
  writeFileSync(ready, '')
  return image
}

/** The first program there: makes what a Linux system has, and runs the script that stands next to it. */
const init = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=1777 tmp /tmp
ip link set lo up
mount -t 9p -o trans=virtio,version=9p2000.L,cache=loose,msize=131072,ro checkout /host
mount -t 9p -o trans=virtio,version=9p2000.L,msize=131072 out /out
mkdir -p '${root}'
mount -o bind /host '${root}'
mount -o bind /out '${results}'
cd '${root}'
sh /script
poweroff -f
`

/** getconf PAGESIZE, which busybox does not have. */
const getconf = `#!/bin/busybox sh
exec busybox awk '/^KernelPageSize/ { print $2 * 1024; exit }' /proc/self/smaps
`

/** What is in memory there from the start: a C library, that of C++, and a shell. */
function userland() {
  const folder = `${home}/userland`
  if (existsSync(`${folder}/ready`)) return folder
  rmSync(folder, { recursive: true, force: true })
  unpackForeign(folder, ['libc6', 'libstdc++6', 'libgcc-s1', 'busybox-static'])
  rmSync(`${folder}/apt`, { recursive: true })
  for (const name of ['bin', 'dev', 'proc', 'sys', 'tmp', 'host', 'out']) {
    mkdirSync(`${folder}/${name}`, { recursive: true })
  }
  writeFileSync(`${folder}/init`, init, { mode: 0o755 })
  writeFileSync(`${folder}/bin/getconf`, getconf, { mode: 0o755 })
  writeFileSync(`${folder}/ready`, '')
  return folder
}

/**
 * Runs a program of Node in the folder of this checkout, which cannot be written to there; /tmp can.
 * @param {string} kib
 * @param {string[]} command the file and its arguments
 * @returns {Promise<{ status: number | null, output: string }>} a status of null: it did not come to an end
 */
export async function runOn(kib, command) {
  const image = kernel(kib)
  const files = userland()
  const outcome = `${results}/kernel-${kib}-${process.pid}`
  const quoted = (/** @type {string} */ text) => `'${text.replaceAll("'", "'\\''")}'`
  const names = ['POSIX_MMAP_TEST_QUICK', 'POSIX_MMAP_TEST_SECONDS', 'NO_COLOR']
  const env = Object.entries({
    ...Object.fromEntries(
      names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
    ),
    PREBUILDS_ONLY: '1',
    NAPI_RS_NATIVE_LIBRARY_PATH: rolldownBinding('arm64', 'gnu'),
  }).map(([name, value]) => `export ${name}=${quoted(String(value))}\n`)
  const line = [nodeBinary('22', 'arm64'), ...command].map(quoted).join(' ')
  const ending = `>'${outcome}.output' 2>&1; echo $? >'${outcome}.status'`
  const disk = `${home}/run-${kib}-${process.pid}`
  mkdirSync(disk)
  writeFileSync(`${disk}/script`, `${env.join('')}${line} ${ending}\n`)
  // The kernel unpacks one archive after the other: what all runs have, and what this one has.
  const pack = `find . ! -name archive | cpio -o -H newc --quiet | gzip -1 >>'${disk}/archive'`
  for (const cwd of [files, disk]) execFileSync('sh', ['-c', pack], { cwd, stdio: 'inherit' })
  mkdirSync(results, { recursive: true })
  const share = (/** @type {string} */ tag, /** @type {string} */ path, more = '') => [
    '-virtfs',
    `local,path=${path},mount_tag=${tag},security_model=none${more}`,
  ]
  const args = [
    ...['-M', 'virt', '-cpu', 'max,pauth-impdef=on', '-smp', '2', '-m', '4G', '-nographic'],
    ...['-nic', 'none', '-no-reboot', '-kernel', image, '-initrd', `${disk}/archive`],
    ...['-append', 'console=ttyAMA0 rdinit=/init quiet panic=-1'],
    ...share('checkout', root, ',readonly=on'),
    ...share('out', results),
  ]
  try {
    const machine = spawn('qemu-system-aarch64', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    machine.stdout.on('data', (data) => (output += data))
    await new Promise((resolve) => machine.once('close', resolve))
    if (!existsSync(`${outcome}.status`)) return { status: null, output }
    const status = Number(readFileSync(`${outcome}.status`, 'utf8'))
    return { status, output: readFileSync(`${outcome}.output`, 'utf8') }
  } finally {
    for (const file of [disk, `${outcome}.status`, `${outcome}.output`]) {
      rmSync(file, { recursive: true, force: true })
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [kib = '', ...command] = process.argv.slice(2)
  if (!pageSizes.includes(kib) || command.length === 0) {
    console.error('usage: node scripts/kernels.js 4|16|64 FILE [ARG…]')
    process.exit(2)
  }
  const { status, output } = await runOn(kib, command)
  process.stdout.write(output)
  process.exit(status ?? 1)
}
