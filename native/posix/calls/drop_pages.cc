#include "posix/calls/drop_pages.h"

#include "posix/faults/fault_repair.h"
#include "posix/kernel_constants.h"
#include "posix/range_call.h"

namespace posix_mmap {
namespace {

int drop_shared(Region& region, const PageRange& pages) noexcept {
  // A replaced page is private, and MADV_DONTNEED would lose what the program has stored in it. The
  // turn keeps other threads from replacing a page meanwhile.
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

}  // namespace

int drop_pages(Region& region, uint64_t offset, uint64_t length) noexcept {
  return on_pages(region, offset, length, Rounding::outward, Splits::no, [&](PageRange pages) {
    return region.shared() ? drop_shared(region, pages)
                           : zero_or_errno(madvise(pages.start, pages.length, MADV_PAGEOUT));
  });
}

}  // namespace posix_mmap
