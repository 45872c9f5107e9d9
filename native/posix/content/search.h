// memmem(3) and its mirror image over a region, at full speed. Neither matches zeros that a repair
// has put in place of the file's bytes.
#pragma once

#include "posix/region/region.h"

namespace posix_mmap {

/// Where the needle was found, or the fault that keeps the answer unknown.
struct Found {
  static constexpr uint64_t kNowhere = UINT64_MAX;
  uint64_t offset = kNowhere;
  Fault fault;
};

/// The first place in bytes `offset … offset + length` of a region, which must lie inside, where
/// all of `needle` stands. The needle is at least a byte long, and in ordinary memory to which
/// nobody writes. If the answer depends on a page that cannot be read, or that no longer shows its
/// file, the result is a fault; the page is not replaced, and the fault is reported as a copy would
/// report it.
Found find_first(Region& region, uint64_t offset, uint64_t length, const std::byte* needle,
                 size_t needle_length) noexcept;

/// The last such place.
Found find_last(Region& region, uint64_t offset, uint64_t length, const std::byte* needle,
                size_t needle_length) noexcept;

}  // namespace posix_mmap
