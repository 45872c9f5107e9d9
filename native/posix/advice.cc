#include "advice.h"

#include <sys/mman.h>

#include <cerrno>

#include "kernel_file.h"
#include "map_budget.h"

namespace posix_mmap {

int advise(const Region& region, uint64_t offset, uint64_t length, int advice,
           Rounding rounding) noexcept {
  PageRange pages;
  const int outside = page_range(region.extent(), offset, length, rounding, pages);
  if (outside != 0) return outside;
  if (pages.length == 0) return 0;
  if (!map_budget_take(2))
    return -ENOMEM;  // pages with other advice are kernel mappings of their own
  return madvise(pages.start, pages.length, advice) == 0 ? 0 : -errno;
}

bool advice_supported(int advice) noexcept {
  // The kernel checks the value before it looks at the length.
  return madvise(nullptr, 0, advice) == 0;
}

size_t huge_page_size() noexcept {
  static const size_t size =
      read_kernel_number("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", 0);
  return size;
}

}  // namespace posix_mmap
