#include "residency.h"

#include <sys/mman.h>

#include <cerrno>

namespace posix_mmap {

int64_t count_pages(const Region& region, uint64_t offset, uint64_t length) noexcept {
  PageRange pages;
  const int outside = page_range(region.extent(), offset, length, Rounding::outward, pages);
  return outside != 0 ? outside : static_cast<int64_t>(pages.length / page_size());
}

int64_t residency(const Region& region, uint64_t offset, uint64_t length,
                  unsigned char* bitmap) noexcept {
  PageRange pages;
  const int outside = page_range(region.extent(), offset, length, Rounding::outward, pages);
  if (outside != 0) return outside;
  if (pages.length == 0) return 0;
  if (mincore(pages.start, pages.length, bitmap) != 0) return -errno;
  int64_t resident = 0;
  for (size_t page = 0; page < pages.length / page_size(); ++page) {
    bitmap[page] &= 1;  // mincore(2) reserves the other bits
    resident += bitmap[page];
  }
  return resident;
}

}  // namespace posix_mmap
