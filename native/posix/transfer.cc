#include "transfer.h"

#include <algorithm>
#include <array>

#include "fault_repair.h"
#include "guarded_copy.h"
#include "region_table.h"

namespace posix_mmap {
namespace {

std::byte* word_of(std::byte* address) noexcept {
  return reinterpret_cast<std::byte*>(reinterpret_cast<uintptr_t>(address) & ~uintptr_t{3});
}

Fault fault_at(const Region& region, FaultKind kind, const std::byte* address) noexcept {
  const std::byte* const data = region.extent().data();
  return {kind, address > data ? static_cast<uint64_t>(address - data) : 0, 1};
}

/// What was recorded a moment ago for an access to `address`.
Fault latest_fault(const Region& region, const std::byte* address) noexcept {
  return fault_at(region, region.faults().latest_kind(), address);
}

/// The first replaced page of the range as a fault.
Fault find_replaced(const Region& region, const std::byte* begin, uint64_t length) noexcept {
  const FaultLog& log = region.faults();
  if (length == 0 || !log.any_replaced()) return {};
  const size_t last = region.page_index(begin + length - 1);
  for (size_t page = region.page_index(begin); page <= last; ++page) {
    const FaultKind kind = log.replaced(page);
    if (kind == FaultKind::none) continue;
    const std::byte* const start = region.extent().base + page * page_size();
    return fault_at(region, kind, std::max(begin, start));
  }
  return {};
}

/// Whose fault it was that the last `left` bytes were not copied. They start at most one chunk of
/// the copy loop before the byte that failed.
Fault blame(Region& region, std::byte* to, const std::byte* from, size_t left) noexcept {
  constexpr size_t kChunk = 16;
  std::byte* const to_end = to + std::min(left, kChunk) - 1;
  const Region* const source = region_table_find(from);
  const bool ours = !page_writable(word_of(to)) || !page_writable(word_of(to_end));
  return ours || source == nullptr ? latest_fault(region, to) : latest_fault(*source, from);
}

/// Copies to higher addresses of the same memory, last chunk first.
size_t copy_backward(std::byte* to, const std::byte* from, size_t length) noexcept {
  std::array<std::byte, size_t{4} * 1024> chunk;
  size_t end = length;
  while (end > 0) {
    const size_t size = std::min(end, chunk.size());
    if (guarded_copy(chunk.data(), from + end - size, size) != 0 ||
        guarded_copy(to + end - size, chunk.data(), size) != 0) {
      return end;
    }
    end -= size;
  }
  return 0;
}

}  // namespace

Fault copy_out(Region& region, uint64_t offset, uint64_t length, std::byte* target) noexcept {
  const std::byte* const from = region.extent().data() + offset;
  Fault fault = find_replaced(region, from, length);
  if (fault.kind != FaultKind::none) return fault;
  const size_t left = guarded_copy(target, from, length);
  if (left > 0) return latest_fault(region, from + (length - left));
  return find_replaced(region, from, length);  // another thread's fault in the meantime
}

Fault copy_in(Region& region, uint64_t offset, uint64_t length, const std::byte* source) noexcept {
  std::byte* const to = region.extent().data() + offset;
  Fault fault = find_replaced(region, to, length);
  if (fault.kind != FaultKind::none) return fault;
  const bool backward = source < to && to < source + length;
  const size_t left =
      backward ? copy_backward(to, source, length) : guarded_copy(to, source, length);
  if (left > 0) return blame(region, to + (length - left), source + (length - left), left);
  return find_replaced(region, to, length);
}

}  // namespace posix_mmap
