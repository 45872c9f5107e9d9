#include "posix/files/file_advice.h"

#include <fcntl.h>

namespace posix_mmap {

int advise_file(int fd, uint64_t offset, uint64_t length, int advice) noexcept {
  // posix_fadvise(2) returns the error number instead of setting errno.
  return -posix_fadvise(fd, static_cast<off_t>(offset), static_cast<off_t>(length), advice);
}

}  // namespace posix_mmap
