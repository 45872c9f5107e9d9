#include "posix/calls/protection.h"

#include <sys/mman.h>

#include "posix/range_call.h"

namespace posix_mmap {

int protect(Region& region, uint64_t offset, uint64_t length, int protection) noexcept {
  const size_t whole = region.extent().mapped_length;
  const auto call = [&](PageRange pages) {
    const bool everything = pages.length == whole;
    // Before the call, or another thread's fault during it would be judged by the old protection.
    if (!everything && region.uniform_protection() != protection)
      region.set_uniform_protection(Region::kMixed);
    const int result = zero_or_errno(mprotect(pages.start, pages.length, protection));
    if (result != 0) {
      region.set_uniform_protection(Region::kMixed);  // it may have changed the first pages
    } else if (everything) {
      region.set_uniform_protection(protection);
    }
    return result;
  };
  const int result = on_pages(region, offset, length, Rounding::outward, Splits::yes, call);
  // An empty mapping has no pages, but keeps the protection for the pages that a resize gives it.
  if (result == 0 && whole == 0) region.set_uniform_protection(protection);
  return result;
}

}  // namespace posix_mmap
