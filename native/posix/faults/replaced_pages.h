// Finds the bytes of a region that no longer show what was mapped, because a private page stands in
// for them.
#pragma once

#include "posix/region/region.h"

namespace posix_mmap {

/// One fault at `address`, as it is reported.
Fault fault_at(const Region& region, FaultKind kind, const std::byte* address) noexcept;

/// The first replaced page of a range of the region as a fault; its kind is none if
/// there is no such page.
Fault find_replaced(const Region& region, const std::byte* begin, uint64_t length) noexcept;

}  // namespace posix_mmap
