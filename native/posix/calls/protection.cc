#include "posix/calls/protection.h"

#include <sys/mman.h>

#include "posix/faults/fault_repair.h"
#include "posix/range_call.h"

namespace posix_mmap {

int protect(Region& region, uint64_t offset, uint64_t length, int protection) noexcept {
  const auto call = [&](PageRange pages) {
    const size_t first = region.page_index(pages.start);
    const size_t last = first + pages.length / page_size();
    // A repair must not change the same pages meanwhile, nor read a protection that is not theirs.
    const RepairTurn turn(region);
    if (!region.protections().reserve()) return -ENOMEM;
    const int result = zero_or_errno(mprotect(pages.start, pages.length, protection));
    // After an error it may have changed the first pages.
    region.set_protection(first, last, result == 0 ? protection : Region::kMixed);
    if (result == 0) close_opened(region, first, last);
    return result;
  };
  const int result = on_pages(region, offset, length, Rounding::outward, Splits::yes, call);
  // An empty mapping has no pages, but keeps the protection for the pages that a resize gives it.
  if (result == 0 && region.pages() == 0) region.set_first_protection(protection);
  return result;
}

}  // namespace posix_mmap
