#include "posix/content/transfer.h"

#include <algorithm>
#include <array>

#include "posix/faults/guarded_copy.h"
#include "posix/faults/replaced_pages.h"
#include "posix/region/region_table.h"

namespace posix_mmap {
namespace {

/// The fault that the handler has just recorded for an access to `address`, which may be in another
/// region than ours.
Fault latest_fault(const Region& ours, const std::byte* address) noexcept {
  const Region* const found = region_table_find(address);
  const Region& region = found == nullptr ? ours : *found;
  const FaultKind kind = region.faults().latest_kind();
  return fault_at(region, kind == FaultKind::none ? FaultKind::no_access : kind, address);
}

/// Copies to higher addresses of the same memory, last chunk first. Returns the address that could
/// not be accessed, or nullptr.
const std::byte* copy_backward(std::byte* to, const std::byte* from, size_t length) noexcept {
  std::array<std::byte, size_t{4} * 1024> chunk;
  size_t end = length;
  while (end > 0) {
    const size_t size = std::min(end, chunk.size());
    Copied copied = guarded_copy(chunk.data(), from + end - size, size);
    if (copied.left == 0) copied = guarded_copy(to + end - size, chunk.data(), size);
    if (copied.left != 0) return copied.fault;
    end -= size;
  }
  return nullptr;
}

}  // namespace

Fault copy_out(Region& region, uint64_t offset, uint64_t length, std::byte* target) noexcept {
  const std::byte* const from = region.extent().data() + offset;
  Fault fault = find_replaced(region, from, length);
  if (fault.kind != FaultKind::none) return fault;
  const Copied copied = guarded_copy(target, from, length);
  if (copied.left > 0) return latest_fault(region, copied.fault);
  return find_replaced(region, from, length);  // another thread's fault in the meantime
}

bool copies_backward(const Region& region, uint64_t offset, uint64_t length,
                     const std::byte* source) noexcept {
  const std::byte* const to = region.extent().data() + offset;
  return source < to && to < source + length;
}

Fault copy_in(Region& region, uint64_t offset, uint64_t length, const std::byte* source) noexcept {
  std::byte* const to = region.extent().data() + offset;
  Fault fault = find_replaced(region, to, length);
  if (fault.kind != FaultKind::none) return fault;
  const Region* const origin = region_table_find(source);
  if (origin != nullptr) fault = find_replaced(*origin, source, length);
  if (fault.kind != FaultKind::none) return fault;
  const bool backward = copies_backward(region, offset, length, source);
  const std::byte* const failed =
      backward ? copy_backward(to, source, length) : guarded_copy(to, source, length).fault;
  if (failed != nullptr) return latest_fault(region, failed);
  return find_replaced(region, to, length);
}

Fault copy_from(const std::byte* source, uint64_t length, std::byte* target) noexcept {
  Region* const origin = region_table_find(source);
  if (origin != nullptr) {
    return copy_out(*origin, byte_offset(origin->extent(), source), length, target);
  }
  guarded_copy(target, source, length);
  return {};
}

}  // namespace posix_mmap
