#include "shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>

namespace posix_mmap {

int create_memfd(const char* name, unsigned flags) noexcept {
  const int fd = memfd_create(name, flags);
  return fd >= 0 ? fd : -errno;
}

int open_shared_memory(const char* name, int flags, unsigned mode) noexcept {
  const int fd = shm_open(name, flags, mode);
  return fd >= 0 ? fd : -errno;
}

int unlink_shared_memory(const char* name) noexcept { return shm_unlink(name) == 0 ? 0 : -errno; }

int add_seals(int fd, int seals) noexcept {
  return fcntl(fd, F_ADD_SEALS, seals) == 0 ? 0 : -errno;
}

int get_seals(int fd) noexcept {
  const int seals = fcntl(fd, F_GET_SEALS);
  return seals >= 0 ? seals : -errno;
}

int duplicate(int fd) noexcept {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return copy >= 0 ? copy : -errno;
}

int access_mode(int fd) noexcept {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 ? flags & O_ACCMODE : -errno;
}

}  // namespace posix_mmap
