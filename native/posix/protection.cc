#include "protection.h"

#include <sys/mman.h>

#include <cerrno>

#include "map_budget.h"

namespace posix_mmap {

int protect(Region& region, uint64_t offset, uint64_t length, int protection) noexcept {
  PageRange pages;
  const Extent& extent = region.extent();
  const int outside = page_range(extent, offset, length, Rounding::outward, pages);
  if (outside != 0) return outside;
  const bool everything = pages.length == extent.mapped_length;
  if (pages.length == 0) {
    if (everything) region.set_uniform_protection(protection);
    return 0;
  }
  // Pages that differ from their neighbours, of another region too, are kernel mappings of their
  // own.
  if (!map_budget_take(2)) return -ENOMEM;
  // Before the call: from here on another thread's fault must not be judged by the old value.
  if (!everything && region.uniform_protection() != protection)
    region.set_uniform_protection(Region::kMixed);
  if (mprotect(pages.start, pages.length, protection) != 0) {
    const int error = errno;
    region.set_uniform_protection(Region::kMixed);  // the kernel may have changed the first pages
    return -error;
  }
  if (everything) region.set_uniform_protection(protection);
  return 0;
}

}  // namespace posix_mmap
