#include "posix/content/probe.h"

#include <algorithm>

#include "posix/faults/fault_guard.h"
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

}  // namespace

Fault probe(Region& region, uint64_t offset, uint64_t length) noexcept {
  Bytes bytes{region.extent().data() + offset, region.extent().data() + offset + length};
  const SectionFault stopped = guarded_section(bytes.begin, length, touch, &bytes);
  if (stopped.kind == FaultKind::none) return find_replaced(region, bytes.begin, length);
  const Fault fault = fault_at(region, stopped.kind, stopped.address);
  fault_guard_report(region, fault);
  return fault;
}

}  // namespace posix_mmap
