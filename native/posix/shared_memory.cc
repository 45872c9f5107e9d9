#include "shared_memory.h"

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

}  // namespace posix_mmap
