// Copies between a region and ordinary memory that never invent a byte.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// Copies `length` bytes at `offset` of a region to `target`. Stops at the first page that cannot
/// be read, or that no longer shows its file since it was replaced after a fault, and returns that
/// fault; its kind is none if every byte was copied. The range must lie inside.
Fault copy_out(Region& region, uint64_t offset, uint64_t length, std::byte* target) noexcept;

/// Copies `length` bytes from `source` into a region, in the same manner. `source` may be memory of
/// any region, this one and the same bytes included.
Fault copy_in(Region& region, uint64_t offset, uint64_t length, const std::byte* source) noexcept;

enum class Direction { in, out };

/// Whether a copy between the bytes at `offset` and `other` must begin at their end, because they
/// overlap.
bool copies_backward(const Region& region, uint64_t offset, uint64_t length, const std::byte* other,
                     Direction direction) noexcept;

/// Copies bytes out of any memory. If it is a region's, copies as copy_out() does.
Fault copy_from(const std::byte* source, uint64_t length, std::byte* target) noexcept;

}  // namespace posix_mmap
