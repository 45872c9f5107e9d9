#include "posix/faults/replaced_pages.h"

#include <algorithm>

namespace posix_mmap {

Fault fault_at(const Region& region, FaultKind kind, const std::byte* address) noexcept {
  return {kind, byte_offset(region.extent(), address), 1};
}

Fault find_replaced(const Region& region, const std::byte* begin, uint64_t length) noexcept {
  if (length == 0) return {};
  size_t page = region.page_index(begin);
  const size_t last = region.page_index(begin + length - 1);
  const FaultKind kind = region.faults().first_replaced(page, last);
  if (kind == FaultKind::none) return {};
  const std::byte* const start = region.extent().base + page * page_size();
  return fault_at(region, kind, std::max(begin, start));
}

}  // namespace posix_mmap
