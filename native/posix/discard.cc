#include "discard.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "guarded_copy.h"

namespace posix_mmap {
namespace {

/// Zeros the parts of the range that stand before and after the pages it fills.
int zero_edges(const Extent& extent, uint64_t offset, uint64_t length,
               const PageRange& inner) noexcept {
  std::byte* const begin = extent.data() + offset;
  std::byte* const end = begin + length;
  std::byte* const inner_begin = inner.length == 0 ? end : std::clamp(inner.start, begin, end);
  std::byte* const inner_end =
      inner.length == 0 ? end : std::clamp(inner.start + inner.length, begin, end);
  if (guarded_zero(begin, static_cast<size_t>(inner_begin - begin)) != 0) return -EFAULT;
  return guarded_zero(inner_end, static_cast<size_t>(end - inner_end)) == 0 ? 0 : -EFAULT;
}

bool any_replaced(const Region& region, uint64_t offset, uint64_t length) noexcept {
  if (length == 0) return false;
  const std::byte* const begin = region.extent().data() + offset;
  size_t page = region.page_index(begin);
  const size_t last = region.page_index(begin + length - 1);
  return region.faults().first_replaced(page, last) != FaultKind::none;
}

}  // namespace

int discard(Region& region, uint64_t offset, uint64_t length) noexcept {
  if (region.shared()) return -EINVAL;  // nothing in it is private
  PageRange pages;
  const int outside = page_range(region.extent(), offset, length, Rounding::inward, pages);
  if (outside != 0) return outside;
  if (pages.length > 0 && madvise(pages.start, pages.length, MADV_DONTNEED) != 0) return -errno;
  if (!region.anonymous() || length == 0) return 0;
  // Zeros are what an anonymous page is expected to hold now, whatever happened to it before.
  region.faults().mark_restored(region.page_index(pages.start), pages.length / page_size());
  return zero_edges(region.extent(), offset, length, pages);
}

int punch_hole(Region& region, uint64_t offset, uint64_t length) noexcept {
  if (!region.shared()) return -EINVAL;
  if (!region.writable()) return -EACCES;
  PageRange pages;
  const int outside = page_range(region.extent(), offset, length, Rounding::strict, pages);
  if (outside != 0) return outside;
  // A private page that stands before the file cannot be zeroed for the file.
  if (any_replaced(region, offset, length)) return -EFAULT;
  if (pages.length > 0 && madvise(pages.start, pages.length, MADV_REMOVE) != 0) return -errno;
  return zero_edges(region.extent(), offset, length, pages);
}

}  // namespace posix_mmap
