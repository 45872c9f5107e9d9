// A region's pages at addresses that somebody else has reserved and will give back.
#pragma once

#include <cstddef>

#include "posix/region/region.h"

namespace posix_mmap {

/// mremap(2) with an old length of 0 — shows the region at `target`, which must be a page's and
/// have room for whole pages: 0 or -errno. -EINVAL for memory that would have to be looked after
/// there: it is private, may not be written to, or does not start on a page.
int overlay_region(const Region& region, std::byte* target) noexcept;

/// mmap(2) with MAP_FIXED — zeros of its own instead.
int overlay_zeros(std::byte* target, size_t length) noexcept;

}  // namespace posix_mmap
