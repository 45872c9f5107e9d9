#include "posix/page_range.h"

#include <unistd.h>

#include <algorithm>
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

uint64_t offset_in_page(uint64_t value) noexcept { return value & (page_size() - 1); }

std::byte* page_of(std::byte* address) noexcept { return address - offset_in_page(address); }

const std::byte* next_page(const std::byte* address) noexcept {
  return address + (page_size() - offset_in_page(address));
}

bool covering_pages(size_t lead, uint64_t length, Extent& extent) noexcept {
  uint64_t end = 0;
  uint64_t mapped = 0;
  if (__builtin_add_overflow(length, lead, &end) || !round_up_to_page(end, mapped)) return false;
  extent.mapped_length = mapped;
  extent.lead = lead;
  extent.byte_length = length;
  return true;
}

bool contains(const Extent& extent, uint64_t offset, uint64_t length) noexcept {
  uint64_t end = 0;
  return !__builtin_add_overflow(offset, length, &end) && end <= extent.byte_length;
}

uint64_t byte_offset(const Extent& extent, const std::byte* address) noexcept {
  const std::byte* const data = extent.data();
  return address > data ? static_cast<uint64_t>(address - data) : 0;
}

size_t page_index(const Extent& extent, const void* address) noexcept {
  return (reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(extent.base)) /
         page_size();
}

uint64_t page_start(const Extent& extent, uint64_t offset) noexcept {
  return offset - std::min(offset, offset_in_page(extent.lead + offset));
}

uint64_t page_end(const Extent& extent, uint64_t offset) noexcept {
  return offset + page_size() - offset_in_page(extent.lead + offset);
}

uint64_t piece_end(const Extent& extent, uint64_t offset, uint64_t end, uint64_t piece) noexcept {
  const uint64_t next = ((extent.lead + offset) / piece + 1) * piece - extent.lead;
  return std::min(next, end);
}

uint64_t piece_start(const Extent& extent, uint64_t begin, uint64_t end, uint64_t piece) noexcept {
  const uint64_t border = (extent.lead + end - 1) / piece * piece;
  return std::max(border, extent.lead + begin) - extent.lead;
}

int page_range(const Extent& extent, uint64_t offset, uint64_t length, Rounding rounding,
               PageRange& out) noexcept {
  if (!contains(extent, offset, length)) return -ERANGE;
  out = {{extent.base, 0}};
  if (length == 0) return 0;

  // Neither sum nor rounding can overflow: lead + byte_length <= mapped_length, whole pages.
  const uint64_t mask = page_size() - 1;
  const uint64_t end = offset + length;
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
  out = {{extent.base + first, static_cast<size_t>(last - first)}};
  return 0;
}

RangeEdges range_edges(const Extent& extent, uint64_t offset, uint64_t length,
                       Rounding rounding) noexcept {
  std::byte* const begin = extent.data() + offset;
  PageRange inner;
  page_range(extent, offset, length, rounding, inner);
  if (inner.length == 0) return {{begin, length}, {begin + length, 0}};
  // Where the ends of the mapping count as page ends, the pages reach beyond the range.
  std::byte* const end = begin + length;
  std::byte* const inner_begin = std::clamp(inner.start, begin, end);
  std::byte* const inner_end = std::clamp(inner.start + inner.length, begin, end);
  return {{begin, static_cast<size_t>(inner_begin - begin)},
          {inner_end, static_cast<size_t>(end - inner_end)}};
}

PageRange touched_pages(const std::byte* address, size_t length) noexcept {
  std::byte* const start = page_of(const_cast<std::byte*>(address));
  uint64_t whole = 0;
  round_up_to_page(static_cast<uint64_t>(address - start) + length, whole);
  return {{start, static_cast<size_t>(whole)}};
}

}  // namespace posix_mmap
