#include "posix/calls/guard_pages.h"

#include "posix/kernel_constants.h"
#include "posix/range_call.h"

namespace posix_mmap {

int install_guard(Region& region, uint64_t offset, uint64_t length) noexcept {
  // Before the call, since from then on the kind of a fault depends on its page: another thread's
  // fault on a new guard page would be judged by the protection of the whole region.
  region.set_uniform_protection(Region::kMixed);
  return on_pages(region, offset, length, Rounding::inward, Splits::no, [](PageRange pages) {
    return zero_or_errno(madvise(pages.start, pages.length, MADV_GUARD_INSTALL));
  });
}

int remove_guard(Region& region, uint64_t offset, uint64_t length) noexcept {
  return on_pages(region, offset, length, Rounding::inward, Splits::no, [](PageRange pages) {
    return zero_or_errno(madvise(pages.start, pages.length, MADV_GUARD_REMOVE));
  });
}

}  // namespace posix_mmap
