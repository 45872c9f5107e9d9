#include "environment/descriptors.h"

#include <unistd.h>

#include <cerrno>

namespace posix_mmap {

Descriptors::~Descriptors() {
  for (const int fd : open_) ::close(fd);
}

int Descriptors::close(int fd) {
  open_.erase(fd);
  return ::close(fd) == 0 ? 0 : -errno;
}

}  // namespace posix_mmap
