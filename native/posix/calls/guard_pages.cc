#include "posix/calls/guard_pages.h"

#include "posix/faults/fault_repair.h"
#include "posix/kernel_constants.h"
#include "posix/range_call.h"
#include "posix/region/fault_epoch.h"

namespace posix_mmap {
namespace {

/// Installs guards on pages `first … first + count` that have none: 0 or -errno, and then they
/// still have none.
int install_anew(Region& region, size_t first, size_t count) noexcept {
  std::byte* const start = region.extent().base + first * page_size();
  // Before the call, or a store into a read-only page would be judged as if it had no guard.
  region.guards().set(first, count);
  move_fault_epoch();
  const int result = zero_or_errno(madvise(start, count * page_size(), MADV_GUARD_INSTALL));
  if (result != 0) {
    madvise(start, count * page_size(), MADV_GUARD_REMOVE);  // the kernel may have done some
    region.guards().clear(first, count);
  }
  return result;
}

}  // namespace

int install_guard(Region& region, uint64_t offset, uint64_t length) noexcept {
  return on_pages(region, offset, length, Rounding::inward, Splits::no, [&](PageRange pages) {
    const size_t first = region.page_index(pages.start);
    const size_t last = first + pages.length / page_size();
    const RepairTurn turn(region);
    const PageBits& guards = region.guards();
    if (!region.guards().prepare()) return -ENOMEM;
    int result = 0;
    for (size_t page = guards.next(first, last, false); page < last && result == 0;) {
      const size_t end = guards.next(page, last, true);
      result = install_anew(region, page, end - page);
      page = guards.next(end, last, false);
    }
    return result;
  });
}

int remove_guard(Region& region, uint64_t offset, uint64_t length) noexcept {
  return on_pages(region, offset, length, Rounding::inward, Splits::no, [&](PageRange pages) {
    const RepairTurn turn(region);
    const int result = zero_or_errno(madvise(pages.start, pages.length, MADV_GUARD_REMOVE));
    if (result == 0) {
      region.guards().clear(region.page_index(pages.start), pages.length / page_size());
    }
    return result;
  });
}

}  // namespace posix_mmap
