// The names of file systems, for errors: what can be mapped is theirs to decide.

import { fstatSync, readFileSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import type { Access } from './protection.js'

/** By `f_type` of statfs(2). */
const names: Readonly<Record<number, string>> = {
  7377: 'devpts',
  19780: 'vfat',
  20859: 'smb',
  26985: 'nfs',
  40864: 'proc',
  61267: 'ext4',
  2613483: 'cgroup',
  12805120: 'ceph',
  16914836: 'tmpfs',
  16914839: '9p',
  427819522: 'mqueue',
  538032816: 'exfat',
  801189825: 'zfs',
  1346981957: 'pipefs',
  1397113167: 'afs',
  1481003842: 'xfs',
  1650812272: 'configfs',
  1650812274: 'sysfs',
  1667723888: 'cgroup2',
  1684170528: 'debugfs',
  1702057286: 'fuse',
  1936094318: 'ntfs3',
  1935894131: 'securityfs',
  1936814952: 'squashfs',
  1953653091: 'tracefs',
  2020557398: 'vboxsf',
  2035054128: 'overlay',
  2240043254: 'ramfs',
  2435016766: 'btrfs',
  2508478710: 'hugetlbfs',
  3393526350: 'bcachefs',
  3774210530: 'erofs',
  4076150800: 'f2fs',
  4266872130: 'smb2',
  4283649346: 'cifs',
}

function nameOfType(type: number): string | undefined {
  // f_type is signed on some architectures.
  const unsigned = type < 0 ? (type + 2 ** 32) % 2 ** 32 : type
  return unsigned === 0 ? undefined : (names[unsigned] ?? `type 0x${unsigned.toString(16)}`)
}

/** As makedev(3) puts the two together. */
function deviceNumbers(device: bigint): string {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn)
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn)
  return `${major}:${minor}`
}

/** proc(5), /proc/self/mountinfo — tells apart what statfs(2) calls by one name: 'fuse.sshfs'. */
function nameOfMount(file: number | string | Buffer): string | undefined {
  try {
    const options = { bigint: true } as const
    const { dev } = typeof file === 'number' ? fstatSync(file, options) : statSync(file, options)
    const wanted = deviceNumbers(dev)
    for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
      if (line.split(' ', 3)[2] === wanted) return / - (\S+)/.exec(line)?.[1]
    }
  } catch {}
  return undefined
}

/**
 * What an error of mmap(2) says of the file system that may be its cause; `type` is what statfs(2) says
 * that it is, 0 where it says nothing.
 */
export function fileSystemRemark(
  errno: number,
  access: Access,
  file: number | string | Buffer,
  type: number,
): string {
  const { EINVAL, EIO, ENODEV, EOPNOTSUPP } = constants.errno
  if (![ENODEV, EINVAL, EIO, EOPNOTSUPP].includes(-errno)) return ''
  const name = nameOfMount(file) ?? nameOfType(type)
  if (name === undefined) return ''
  return access === 'read-write' && errno !== -EIO
    ? ` (its file system, ${name}, may have no shared mappings; 'read' and 'copy-on-write' do without)`
    : ` (its file system, ${name}, does not let it be mapped)`
}
