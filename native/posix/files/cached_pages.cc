#include "posix/files/cached_pages.h"

#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "posix/kernel_constants.h"

namespace posix_mmap {
namespace {

/// The kernel's struct cachestat_range.
struct Range {
  uint64_t offset;
  uint64_t length;
};

/// The kernel's struct cachestat: pages.
struct Statistics {
  uint64_t cached;
  uint64_t dirty;
  uint64_t under_writeback;
  uint64_t evicted;
  uint64_t recently_evicted;
};

/// Whether files have their own pages, by `f_type`; statfs(2), linux/magic.h.
bool keeps_own_pages(uint32_t file_system) noexcept {
  switch (file_system) {
    case 0x0000ef53:  // ext2, ext3, ext4
    case 0x58465342:  // xfs
    case 0x9123683e:  // btrfs
    case 0xca451a4e:  // bcachefs
    case 0xf2f52010:  // f2fs
    case 0x01021994:  // tmpfs, also of memfds and of devices
    case 0x858458f6:  // ramfs
    case 0x00006969:  // nfs
    case 0xff534d42:  // cifs
    case 0xfe534d42:  // smb2
    case 0x01021997:  // 9p
    case 0x00c36400:  // ceph
    case 0x00004d44:  // vfat
    case 0x2011bab0:  // exfat
    case 0x7366746e:  // ntfs3
    case 0x73717368:  // squashfs
    case 0x00009660:  // iso9660
    case 0x15013346:  // udf
      return true;
    default:
      return false;
  }
}

/// The device on which files were found to have their own pages last. It is remembered because
/// statfs(2) on ext4 adds up the free blocks of all processors, which takes longer than counting
/// the pages of a small file.
std::atomic<uint64_t> known_device{UINT64_MAX};

/// 0, or the -errno with which the pages are not counted.
int check_own_pages(int fd, uint64_t device) noexcept {
  if (known_device.load(std::memory_order_relaxed) == device) return 0;
  struct statfs system{};
  if (fstatfs(fd, &system) != 0) return -errno;
  if (!keeps_own_pages(static_cast<uint32_t>(system.f_type))) return -EOPNOTSUPP;
  known_device.store(device, std::memory_order_relaxed);
  return 0;
}

}  // namespace

int64_t count_cached(int fd, uint64_t device, uint64_t offset, uint64_t length) noexcept {
  if (const int refused = check_own_pages(fd, device); refused != 0) return refused;
  Range range{offset, length};
  Statistics found{};
  if (syscall(SYS_cachestat, fd, &range, &found, 0) != 0) return -errno;
  return static_cast<int64_t>(found.cached);
}

int64_t count_cached(int fd, uint64_t offset, uint64_t length) noexcept {
  struct stat status{};
  if (fstat(fd, &status) != 0) return -errno;
  return count_cached(fd, status.st_dev, offset, length);
}

}  // namespace posix_mmap
