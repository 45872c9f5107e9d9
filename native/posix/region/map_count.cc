#include "posix/region/map_count.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "posix/files/kernel_file.h"

namespace posix_mmap {
namespace {

/// A descriptor for /proc/self/maps that is kept. Somebody else may have closed it, and its number
/// may name another file by now; and in a child of fork(2) it is about the parent.
struct KeptFile {
  int fd = -1;
  pid_t process = 0;
  dev_t device = 0;
  ino_t inode = 0;

  bool usable() const noexcept {
    struct stat now{};
    return fd >= 0 && process == getpid() && fstat(fd, &now) == 0 && now.st_dev == device &&
           now.st_ino == inode;
  }

  int open_again() noexcept {
    fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    struct stat now{};
    if (fstat(fd, &now) != 0) return -errno;
    process = getpid();
    device = now.st_dev;
    inode = now.st_ino;
    return 0;
  }
};

KeptFile kept;
// Not on the stack, since a signal handler may have little of that.
std::array<char, 16UL * 1024> piece;
long known_limit = kUsualMapLimit;

}  // namespace

int count_maps(long& maps) noexcept {
  if (!kept.usable()) {
    const int opened = kept.open_again();
    if (opened != 0) return opened;
  }
  maps = 0;
  off_t offset = 0;
  for (;;) {
    const ssize_t got = pread(kept.fd, piece.data(), piece.size(), offset);
    if (got < 0) return -errno;
    if (got == 0) return maps > 0 ? 0 : -EIO;
    maps += std::count(piece.data(), piece.data() + got, '\n');
    offset += got;
  }
}

long map_limit() noexcept {
  const uint64_t read = read_kernel_number("/proc/sys/vm/max_map_count", 0);
  if (read > 0) known_limit = static_cast<long>(std::min<uint64_t>(read, INT32_MAX));
  return known_limit;
}

}  // namespace posix_mmap
