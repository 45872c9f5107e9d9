#include "posix/files/file_look.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "posix/files/cache_statistics.h"
#include "posix/files/file.h"

namespace posix_mmap {
namespace {

int64_t cached_pages(int fd, uint64_t size, uint64_t most_bytes) noexcept {
  if (size > most_bytes) return -EFBIG;
  // A length of 0 would reach behind the end, where pages of an empty file may be as well.
  if (size == 0) return 0;
  CacheStatistics found{};
  const int refused = cache_statistics(fd, 0, size, found);
  return refused != 0 ? refused : static_cast<int64_t>(found.cached);
}

}  // namespace

int look_at_file(const char* path, uint64_t most_bytes, FileLook& look) noexcept {
  look = {};
  // Without O_NONBLOCK, opening a FIFO would wait for somebody to write to it.
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return -errno;
  look.size = file_size(fd, look.identity);
  look.cached =
      look.size < 0 ? look.size : cached_pages(fd, static_cast<uint64_t>(look.size), most_bytes);
  close(fd);
  return 0;
}

}  // namespace posix_mmap
