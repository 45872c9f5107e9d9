// madvise(2) where it destroys data: on purpose, and never a byte outside the range.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// madvise(2) with MADV_DONTNEED — on private memory only, else -EINVAL. In a copy-on-write mapping
/// the pages that the range fills show the file again; in anonymous memory every byte of the range
/// is zero again. -EFAULT when the edges of the range could not be zeroed.
int discard(Region& region, uint64_t offset, uint64_t length) noexcept;

/// madvise(2) with MADV_REMOVE — makes every byte of the range zero, in the file too, and frees the
/// blocks of the pages that the range fills. -EINVAL for private memory, -EACCES for memory that is
/// not writable, -EFAULT when a page of the range no longer shows the file.
int punch_hole(Region& region, uint64_t offset, uint64_t length) noexcept;

}  // namespace posix_mmap
