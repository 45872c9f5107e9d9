#include "page_range.h"

#include <unistd.h>

#include <cerrno>

namespace posix_mmap {

size_t page_size() noexcept {
  static const auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

bool round_up_to_page(uint64_t value, uint64_t& rounded) noexcept {
  const uint64_t mask = page_size() - 1;
  if (__builtin_add_overflow(value, mask, &rounded)) return false;
  rounded &= ~mask;
  return true;
}

int page_range(const Extent& extent, uint64_t offset, uint64_t length, Rounding rounding,
               PageRange& out) noexcept {
  uint64_t end = 0;
  if (__builtin_add_overflow(offset, length, &end) || end > extent.byte_length) return -ERANGE;
  out = {extent.base, 0};
  if (length == 0) return 0;

  // Neither sum nor rounding can overflow: lead + byte_length <= mapped_length, whole pages.
  const uint64_t mask = page_size() - 1;
  uint64_t first = extent.lead + offset;
  uint64_t last = extent.lead + end;
  if (rounding == Rounding::outward) {
    first &= ~mask;
    last = (last + mask) & ~mask;
  } else {
    const bool ends_count = rounding == Rounding::inward;
    first = ends_count && offset == 0 ? 0 : (first + mask) & ~mask;
    last = ends_count && end == extent.byte_length ? extent.mapped_length : last & ~mask;
    if (last <= first) return 0;
  }
  out = {extent.base + first, static_cast<size_t>(last - first)};
  return 0;
}

}  // namespace posix_mmap
