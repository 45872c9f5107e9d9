#include "file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

namespace posix_mmap {
namespace {

constexpr unsigned kSmallestHugePage = 1 << 20;

/// hugetlbfs maps in units of its own, which mprotect, munmap and fault repair would all have to
/// know. Its blocks are its pages, so an ordinary file needs no second system call.
bool on_hugetlbfs(int fd, const struct statx& status) noexcept {
  struct statfs filesystem{};
  return status.stx_blksize >= kSmallestHugePage && fstatfs(fd, &filesystem) == 0 &&
         filesystem.f_type == HUGETLBFS_MAGIC;
}

/// statx(2) without the libc: what a compiler of today makes of fstat(2) needs glibc 2.33, and musl
/// has had statx since 1.2.5 only.
bool ask(int fd, struct statx& status) noexcept {
  return syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &status) == 0;
}

}  // namespace

int64_t file_size(int fd) noexcept {
  struct statx status{};
  if (!ask(fd, status)) return -errno;
  switch (status.stx_mode & S_IFMT) {
    case S_IFREG:
      return on_hugetlbfs(fd, status) ? -EOPNOTSUPP : static_cast<int64_t>(status.stx_size);
    case S_IFBLK: {
      uint64_t size = 0;
      return ioctl(fd, BLKGETSIZE64, &size) == 0 ? static_cast<int64_t>(size) : -errno;
    }
    case S_IFCHR:
      return INT64_MAX;
    case S_IFDIR:
      return -EISDIR;
    default:
      return -ENODEV;
  }
}

int truncate(int fd, uint64_t size) noexcept {
  int result = 0;
  do {
    result = ftruncate(fd, static_cast<off_t>(size));
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : -errno;
}

int reserve_blocks(int fd, uint64_t offset, uint64_t length) noexcept {
  struct statx before{};
  if (!ask(fd, before)) return -errno;
  int result = 0;
  do {
    result = fallocate(fd, 0, static_cast<off_t>(offset), static_cast<off_t>(length));
  } while (result != 0 && errno == EINTR);
  if (result == 0) return 0;
  const int error = errno;
  // Some file systems keep what they had allocated before they ran out.
  struct statx after{};
  if (ask(fd, after) && after.stx_size > before.stx_size) {
    truncate(fd, before.stx_size);
  }
  return -error;
}

}  // namespace posix_mmap
