#include "posix/files/link_descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

namespace posix_mmap {

int link_descriptor(int fd, const char* path) noexcept {
  std::array<char, 32> source{};
  snprintf(source.data(), source.size(), "/proc/self/fd/%d", fd);
  return linkat(AT_FDCWD, source.data(), AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 ? 0 : -errno;
}

}  // namespace posix_mmap
