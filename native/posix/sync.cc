#include "sync.h"

#include <sys/mman.h>

#include <cerrno>

namespace posix_mmap {

int sync(const Region& region, uint64_t offset, uint64_t length, int flags) noexcept {
  PageRange pages;
  const int outside = page_range(region.extent(), offset, length, Rounding::outward, pages);
  if (outside != 0) return outside;
  if (pages.length == 0) return 0;
  return msync(pages.start, pages.length, flags) == 0 ? 0 : -errno;
}

}  // namespace posix_mmap
