// Which bytes of a region no longer show what was mapped, because a private page stands in for
// them.
#pragma once

#include "posix/region/region.h"

namespace posix_mmap {

/// A fault at `address` as it is reported.
Fault fault_at(const Region& region, FaultKind kind, const std::byte* address) noexcept;

/// The first replaced page of a range of the region as a fault; kind none if there is none.
Fault find_replaced(const Region& region, const std::byte* begin, uint64_t length) noexcept;

}  // namespace posix_mmap
