// mremap(2): makes a region longer or shorter.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// mremap(2) — a new region over the same pages, `length` bytes long, or -errno and nothing has
/// changed. It lies at other addresses; the users of the old region must end their use, and
/// what was private to it is in the new one now. -EINVAL for memory that cannot be moved without a
/// hole (a private mapping of a file) or not be made longer (shared anonymous memory).
int remap_region(Region& region, uint64_t length, RegionUser& out) noexcept;

/// mremap(2) — the page of the last byte once more, as a region of its own: whether that page can
/// be read tells whether the file still has it, and replaces no page of the mapping. -EINVAL for
/// private memory.
int map_last_page(const Region& region, RegionUser& out) noexcept;

}  // namespace posix_mmap
