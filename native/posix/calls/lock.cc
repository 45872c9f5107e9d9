#include "posix/calls/lock.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include "posix/range_call.h"

namespace posix_mmap {

int lock_pages(const Region& region, uint64_t offset, uint64_t length, bool on_fault) noexcept {
  const unsigned flags = on_fault ? MLOCK_ONFAULT : 0;
  return on_pages(region, offset, length, Rounding::outward, Splits::yes, [=](PageRange pages) {
    return zero_or_errno(mlock2(pages.start, pages.length, flags));
  });
}

int unlock_pages(const Region& region, uint64_t offset, uint64_t length) noexcept {
  return on_pages(region, offset, length, Rounding::outward, Splits::yes, [](PageRange pages) {
    return zero_or_errno(munlock(pages.start, pages.length));
  });
}

uint64_t lock_limit() noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
  return limit.rlim_cur;
}

}  // namespace posix_mmap
