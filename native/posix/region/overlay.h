// Shows a region's pages at addresses that somebody else has reserved and will give back.
#pragma once

#include <cstddef>

#include "posix/region/region.h"

namespace posix_mmap {

/// mremap(2) with an old length of 0 — shows the region at `target`, which must be the start of a
/// page and have room for whole pages: 0 or -errno. -EINVAL for memory whose faults would need
/// repair there, or that does not start on a page: only shared, writable memory of a file with no
/// replaced page can do without. -EFAULT when the pages at `target` are no more what they were.
int overlay_region(const Region& region, std::byte* target) noexcept;

/// mmap(2) with MAP_FIXED — ends an overlay: zeros take its place. Where that
/// fails, pages that may only be read keep the addresses.
int overlay_zeros(std::byte* target, size_t length) noexcept;

}  // namespace posix_mmap
