// The one door to a system call on part of a mapping: the range is checked and rounded, and where
// the call may cut a kernel mapping (a VMA) into several, the budget of VMAs is asked first.
#pragma once

#include <cerrno>
#include <cstdint>

#include "posix/page_range.h"
#include "posix/region/map_budget.h"
#include "posix/region/region.h"

namespace posix_mmap {

/// Whether a call gives its pages a property that makes them a VMA of their own. Without asking
/// the budget, such calls could take the process to vm.max_map_count, where the next malloc(3) of
/// the JavaScript engine ends it; so no call may leave the question open.
enum class Splits { no, yes };

/// Calls `call(pages)` for the pages of bytes `offset … offset + length` and returns what it
/// returns: 0 for a range without pages, -ERANGE for a range that does not lie inside,
/// -ENOMEM when there is no VMA to spare, -EMFILE when that cannot be found out.
template <typename Call>
auto on_pages(const Region& region, uint64_t offset, uint64_t length, Rounding rounding,
              Splits splits, Call call) noexcept -> decltype(call(PageRange{})) {
  PageRange pages;
  const int outside = page_range(region.extent(), offset, length, rounding, pages);
  if (outside != 0) return outside;
  if (pages.length == 0) return 0;
  // Pages in the middle of a VMA leave one on each side of them.
  const int refused = splits == Splits::yes ? map_budget_ask(2) : 0;
  if (refused != 0) return refused;
  return call(pages);
}

/// What a system call returned, as this layer returns it: 0 or -errno.
inline int zero_or_errno(int status) noexcept { return status == 0 ? 0 : -errno; }

}  // namespace posix_mmap
