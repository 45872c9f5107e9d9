// Builds kernels for arm64 of Debian's source, with pages of 4, 16 or 64 KiB, and boots one on qemu's
// processor with this machine's files below /host, to run a shell script there. They are kept in
// .nodes/kernels, and take four minutes each on two cores.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const home = fileURLToPath(new URL('../.nodes/kernels', import.meta.url))

/** The sizes of pages that processors of this kind have, in KiB. */
export const pageSizes = ['4', '16', '64']

// What the tests and Node ask a kernel for, and a disk that this machine provides.
const parts = [
  ...['64BIT', 'SMP', 'PRINTK', 'TTY', 'SERIAL_AMBA_PL011', 'SERIAL_AMBA_PL011_CONSOLE', 'BUG'],
  ...['BLK_DEV_INITRD', 'RD_GZIP', 'BINFMT_ELF', 'BINFMT_SCRIPT', 'BASE_FULL', 'KALLSYMS'],
  ...['FUTEX', 'EPOLL', 'EVENTFD', 'SIGNALFD', 'TIMERFD', 'POSIX_TIMERS', 'HIGH_RES_TIMERS', 'AIO'],
  ...['MULTIUSER', 'FILE_LOCKING', 'FSNOTIFY', 'INOTIFY_USER', 'FHANDLE', 'MEMBARRIER', 'RSEQ'],
  ...['SHMEM', 'TMPFS', 'PROC_FS', 'PROC_SYSCTL', 'PROC_PAGE_MONITOR', 'SYSFS', 'DEVTMPFS'],
  ...['ADVISE_SYSCALLS', 'MEMFD_CREATE', 'HUGETLBFS', 'KSM', 'SWAP', 'COMPACTION', 'MIGRATION'],
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
