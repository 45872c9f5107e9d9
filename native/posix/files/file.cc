#include "posix/files/file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

namespace posix_mmap {
namespace {

constexpr blksize_t kSmallestHugePage = 1 << 20;

/// hugetlbfs maps in units of its own, which mprotect(2), munmap(2) and the repair of faults would
/// all need to know. Its blocks are as large as its pages, so that a file with small blocks needs
/// no second system call.
bool on_hugetlbfs(int fd, const struct stat& status) noexcept {
  struct statfs filesystem{};
  return status.st_blksize >= kSmallestHugePage && fstatfs(fd, &filesystem) == 0 &&
         filesystem.f_type == HUGETLBFS_MAGIC;
}

}  // namespace

int64_t file_size(int fd) noexcept {
  FileIdentity unused;
  return file_size(fd, unused);
}

int64_t file_size(int fd, FileIdentity& identity) noexcept {
  struct stat status{};
  identity = {};
  if (fstat(fd, &status) != 0) return -errno;
  identity = identity_of(status);
  switch (status.st_mode & S_IFMT) {
    case S_IFREG:
      return on_hugetlbfs(fd, status) ? -EOPNOTSUPP : status.st_size;
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
  struct stat before{};
  if (fstat(fd, &before) != 0) return -errno;
  int result = 0;
  do {
    result = fallocate(fd, 0, static_cast<off_t>(offset), static_cast<off_t>(length));
  } while (result != 0 && errno == EINTR);
  if (result == 0) return 0;
  const int error = errno;
  // Some file systems keep the blocks that they had allocated before they ran out of space.
  struct stat after{};
  if (fstat(fd, &after) == 0 && after.st_size > before.st_size) {
    truncate(fd, static_cast<uint64_t>(before.st_size));
  }
  return -error;
}

}  // namespace posix_mmap
