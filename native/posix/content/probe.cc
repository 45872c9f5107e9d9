#include "posix/content/probe.h"

#include <algorithm>

#include "posix/content/fault_cause.h"
#include "posix/content/file_end.h"
#include "posix/faults/guarded_section.h"
#include "posix/faults/replaced_pages.h"

namespace posix_mmap {
namespace {

struct Bytes {
  const std::byte* begin;
  const std::byte* end;
};

void touch(void* argument) noexcept {
  const auto& bytes = *static_cast<const Bytes*>(argument);
  for (const std::byte* at = bytes.begin; at < bytes.end; at = next_page(at)) {
    *static_cast<const volatile std::byte*>(at);
  }
}

/// Faults as a store does, and leaves the byte as it is, whoever else stores there.
void store_nothing(void* argument) noexcept {
  const auto& bytes = *static_cast<const Bytes*>(argument);
  for (const std::byte* at = bytes.begin; at < bytes.end; at = next_page(at)) {
    auto* const word = reinterpret_cast<volatile unsigned char*>(const_cast<std::byte*>(at));
    __atomic_fetch_or(word, 0, __ATOMIC_RELAXED);
  }
}

}  // namespace

Fault probe(Region& region, uint64_t offset, uint64_t length) noexcept {
  Bytes bytes{region.extent().data() + offset, region.extent().data() + offset + length};
  const SectionFault stopped = guarded_section(bytes.begin, length, touch, &bytes);
  if (stopped.kind != FaultKind::none) {
    return reported(region, fault_at(region, stopped.kind, stopped.address), offset);
  }
  return find_gone_since(region, offset, length);
}

Fault find_gone_since(Region& region, uint64_t offset, uint64_t length) noexcept {
  const Fault replaced = find_replaced(region, region.extent().data() + offset, length);
  if (replaced.kind != FaultKind::none) return explained(region, replaced, offset);
  return find_past_end(region, offset, length, Evidence::content);
}

Fault find_lost(Region& region, uint64_t offset, uint64_t length, Access access) noexcept {
  Bytes bytes{region.extent().data() + offset, region.extent().data() + offset + length};
  const auto visit = access == Access::read ? touch : store_nothing;
  const SectionFault stopped = guarded_section(bytes.begin, length, visit, &bytes);
  // What lies before the page that stopped it was there, or stands in for another.
  const uint64_t reached = stopped.kind == FaultKind::none
                               ? length
                               : byte_offset(region.extent(), stopped.address) - offset;
  const Fault replaced = find_replaced(region, bytes.begin, reached);
  if (replaced.kind == FaultKind::truncated) return explained(region, replaced, offset);
  if (stopped.kind == FaultKind::none) return {};
  const Fault fault = fault_at(region, stopped.kind, stopped.address);
  // What the program has forbidden itself is told, and is no fault of the mapping.
  return fault.kind == FaultKind::truncated ? reported(region, fault, offset) : fault;
}

Fault find_unsyncable(Region& region, uint64_t offset, uint64_t length) noexcept {
  if (region.anonymous()) return {};
  const Fault replaced = find_replaced(region, region.extent().data() + offset, length);
  if (replaced.kind != FaultKind::none) return explained(region, replaced, offset);
  // Bytes that the program has stored past the end are no sign that the file is there.
  const bool stored = region.shared() && region.writable();
  return find_past_end(region, offset, length, stored ? Evidence::none : Evidence::content);
}

}  // namespace posix_mmap
