// madvise(2) where it destroys data: on purpose, and never a byte outside the range.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// MADV_DONTNEED — copy-on-write: pages that the range fills show the file again. Anonymous: every
/// byte of the range is zero again.
int discard(Region& region, uint64_t offset, uint64_t length) noexcept;

/// MADV_REMOVE — every byte of the range is zero, in the file too; the blocks of the pages that it
/// fills are freed.
int punch_hole(Region& region, uint64_t offset, uint64_t length) noexcept;

}  // namespace posix_mmap
