#include "posix/calls/discard.h"

#include <sys/mman.h>

#include "posix/faults/guarded_copy.h"
#include "posix/faults/replaced_pages.h"
#include "posix/range_call.h"

namespace posix_mmap {
namespace {

/// Stores zeros in the parts of the range before and after the pages that it fills.
int zero_edges(const Region& region, uint64_t offset, uint64_t length, Rounding rounding) noexcept {
  const RangeEdges edges = range_edges(region.extent(), offset, length, rounding);
  for (const ByteRange& edge : {edges.head, edges.tail}) {
    if (guarded_zero(edge.start, edge.length) != 0) return -EFAULT;
  }
  return 0;
}

}  // namespace

int discard(Region& region, uint64_t offset, uint64_t length) noexcept {
  if (region.shared()) return -EINVAL;  // it has no private pages to discard
  constexpr Rounding kRounding = Rounding::inward;
  const int result = on_pages(region, offset, length, kRounding, Splits::no, [&](PageRange pages) {
    if (madvise(pages.start, pages.length, MADV_DONTNEED) != 0) return -errno;
    // The program expects zeros in an anonymous page now, so a page that a repair filled with zeros
    // counts as replaced no longer.
    if (region.anonymous()) {
      region.faults().mark_restored(region.page_index(pages.start), pages.length / page_size());
    }
    return 0;
  });
  if (result != 0 || !region.anonymous()) return result;
  return zero_edges(region, offset, length, kRounding);
}

int punch_hole(Region& region, uint64_t offset, uint64_t length) noexcept {
  if (!region.shared()) return -EINVAL;
  if (!region.writable()) return -EACCES;
  // Where a private page stands in for the file, zeros stored to it would not reach the file.
  const int replaced =
      on_pages(region, offset, length, Rounding::outward, Splits::no, [&](PageRange pages) {
        const Fault first = find_replaced(region, pages.start, pages.length);
        return first.kind == FaultKind::none ? 0 : -EFAULT;
      });
  if (replaced != 0) return replaced;
  constexpr Rounding kRounding = Rounding::strict;
  const int result = on_pages(region, offset, length, kRounding, Splits::no, [](PageRange pages) {
    return zero_or_errno(madvise(pages.start, pages.length, MADV_REMOVE));
  });
  return result != 0 ? result : zero_edges(region, offset, length, kRounding);
}

}  // namespace posix_mmap
