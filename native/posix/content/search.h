// memmem(3) and its mirror image over a region, at their full speed, that never match invented
// zeros.
#pragma once

#include "posix/region/region.h"

namespace posix_mmap {

/// Where bytes were found, or why it is not known.
struct Found {
  static constexpr uint64_t kNowhere = UINT64_MAX;
  uint64_t offset = kNowhere;
  Fault fault;
};

/// The first place in bytes `offset … offset + length` of a region, which have to lie inside, where
/// all of `needle` stands. The needle is at least a byte long, and ordinary memory that nobody
/// writes to. A page that cannot be read, or no longer shows its file, is a fault if the answer
/// depends on it; it is not replaced, and reported as a copy would report it.
Found find_first(Region& region, uint64_t offset, uint64_t length, const std::byte* needle,
                 size_t needle_length) noexcept;

/// The last such place.
Found find_last(Region& region, uint64_t offset, uint64_t length, const std::byte* needle,
                size_t needle_length) noexcept;

}  // namespace posix_mmap
