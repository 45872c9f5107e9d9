#include "lock.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>

#include "map_budget.h"

namespace posix_mmap {

int lock_pages(const Region& region, uint64_t offset, uint64_t length, bool on_fault) noexcept {
  PageRange pages;
  const int outside = page_range(region.extent(), offset, length, Rounding::outward, pages);
  if (outside != 0) return outside;
  if (pages.length == 0) return 0;
  if (!map_budget_take(2)) return -ENOMEM;  // locked pages are a kernel mapping of their own
  const unsigned flags = on_fault ? MLOCK_ONFAULT : 0;
  return mlock2(pages.start, pages.length, flags) == 0 ? 0 : -errno;
}

int unlock_pages(const Region& region, uint64_t offset, uint64_t length) noexcept {
  PageRange pages;
  const int outside = page_range(region.extent(), offset, length, Rounding::outward, pages);
  if (outside != 0) return outside;
  if (pages.length == 0) return 0;
  return munlock(pages.start, pages.length) == 0 ? 0 : -errno;
}

uint64_t lock_limit() noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
  return limit.rlim_cur;
}

}  // namespace posix_mmap
