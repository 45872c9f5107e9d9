#include "drop_pages.h"

#include <sys/mman.h>

#include <cerrno>

#include "fault_repair.h"

// Linux 5.4, younger than glibc 2.28's headers.
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

namespace posix_mmap {

int drop_pages(Region& region, uint64_t offset, uint64_t length) noexcept {
  PageRange pages;
  const int outside = page_range(region.extent(), offset, length, Rounding::outward, pages);
  if (outside != 0) return outside;
  if (pages.length == 0) return 0;
  if (!region.shared()) {
    return madvise(pages.start, pages.length, MADV_PAGEOUT) == 0 ? 0 : -errno;
  }
  // A page that was replaced is private, and MADV_DONTNEED would lose what was stored in it; no
  // page may become one meanwhile.
  const RepairTurn turn(region);
  const FaultLog& faults = region.faults();
  const size_t end = region.page_index(pages.start) + pages.length / page_size();
  size_t first = region.page_index(pages.start);
  while (first < end) {
    size_t next = first;
    if (faults.first_replaced(next, end - 1) == FaultKind::none) next = end;
    const size_t run = (next - first) * page_size();
    std::byte* const start = region.extent().base + first * page_size();
    if (run > 0 && madvise(start, run, MADV_DONTNEED) != 0) return -errno;
    first = next + 1;
  }
  return 0;
}

}  // namespace posix_mmap
