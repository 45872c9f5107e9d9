#include "posix/content/fault_cause.h"

#include <algorithm>

#include "posix/content/file_end.h"
#include "posix/faults/fault_guard.h"

namespace posix_mmap {
namespace {

size_t page_at(const Region& region, uint64_t offset) noexcept {
  return region.page_index(region.extent().data() + offset);
}

bool is_replaced(const Region& region, size_t page) noexcept {
  return region.faults().replaced(page) != FaultKind::none;
}

/// Why the page of a fault could not be had: 0 for the end of the file, or an errno.
int look_up_cause(Region& region, uint64_t offset) noexcept {
  MappedFile& file = region.file();
  const Extent& extent = region.extent();
  const int64_t size = file.size(extent);
  const uint64_t place = file.offset() + extent.lead + offset;
  if (size >= 0 && place >= static_cast<uint64_t>(size)) return 0;
  // A file that was cut and is long again has nothing wrong with it either.
  return file.reason(extent, place - offset_in_page(place));
}

Fault with_cause(Fault fault, int error) noexcept {
  if (error == 0) return fault;
  fault.kind = FaultKind::unreadable;
  fault.error = error;
  return fault;
}

bool needs_cause(const Region& region, const Fault& fault) noexcept {
  return fault.kind == FaultKind::truncated && region.file().known();
}

}  // namespace

Fault logged_fault(Region& region) noexcept {
  const Fault fault = region.faults().peek();
  if (!needs_cause(region, fault)) return fault;
  const size_t page = page_at(region, fault.offset);
  int error = 0;
  if (!region.fault_causes().find(page, error)) {
    error = look_up_cause(region, fault.offset);
    region.fault_causes().keep(page, error);
  }
  return with_cause(fault, error);
}

Fault take_logged_fault(Region& region) noexcept {
  const Fault explained = logged_fault(region);
  Fault taken = region.faults().take();
  if (taken.kind == FaultKind::none) return taken;
  const size_t page = page_at(region, taken.offset);
  if (taken.offset == explained.offset) taken = with_cause(taken, explained.error);
  // The next fault of a page that was not replaced may have another cause.
  if (!is_replaced(region, page)) region.fault_causes().forget(page);
  return taken;
}

Fault explained(Region& region, Fault fault, uint64_t from) noexcept {
  if (!needs_cause(region, fault)) return fault;
  const size_t page = page_at(region, fault.offset);
  const bool replaced = is_replaced(region, page);
  int error = 0;
  if (!replaced || !region.fault_causes().find(page, error)) {
    error = look_up_cause(region, fault.offset);
    const bool first = region.faults().peek().offset == fault.offset;
    if (replaced || first) region.fault_causes().keep(page, error);
  }
  if (error != 0) return with_cause(fault, error);
  const uint64_t lost = std::min(std::max(from, file_end(region)), fault.offset);
  if (lost < fault.offset) {
    // If the log has this very fault and no other.
    if (!replaced && region.faults().peek().count == 1) {
      region.faults().lower_first(fault.offset, lost);
      region.fault_causes().keep(page_at(region, lost), 0);
    }
    fault.offset = lost;
  }
  return fault;
}

Fault reported(Region& region, Fault fault, uint64_t from) noexcept {
  fault_guard_report(region, fault);
  return explained(region, fault, from);
}

}  // namespace posix_mmap
