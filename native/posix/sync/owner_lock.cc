#include "posix/sync/owner_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

// Of Linux 3.15; the headers have them only for _GNU_SOURCE.
#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#endif

namespace posix_mmap {
namespace {

struct flock one_byte(uint64_t offset) noexcept {
  struct flock range{};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(offset);
  range.l_len = 1;
  return range;
}

}  // namespace

int hold_byte(int fd, uint64_t offset) noexcept {
  struct flock range = one_byte(offset);
  return fcntl(fd, F_OFD_SETLK, &range) == 0 ? 0 : -errno;
}

int is_byte_held(int fd, uint64_t offset) noexcept {
  struct flock range = one_byte(offset);
  if (fcntl(fd, F_OFD_GETLK, &range) != 0) return -errno;
  return range.l_type == F_UNLCK ? 0 : 1;
}

}  // namespace posix_mmap
