#include "posix/files/cache_statistics.h"

#include <unistd.h>

#include <cerrno>

#include "posix/kernel_constants.h"

namespace posix_mmap {
namespace {

/// The kernel's struct cachestat_range.
struct Range {
  uint64_t offset;
  uint64_t length;
};

}  // namespace

int cache_statistics(int fd, uint64_t offset, uint64_t length,
                     CacheStatistics& statistics) noexcept {
  Range range{offset, length};
  statistics = {};
  return syscall(SYS_cachestat, fd, &range, &statistics, 0) == 0 ? 0 : -errno;
}

}  // namespace posix_mmap
