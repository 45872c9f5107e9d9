// mincore(2): which pages are in memory.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// How many pages a range touches, or -ERANGE.
int64_t count_pages(const Region& region, uint64_t offset, uint64_t length) noexcept;

/// mincore(2) — stores 1 for each page of the range that is in memory, one byte a page, and returns
/// how many are. `bitmap` has count_pages() bytes, all of them 0, and is not touched where a long
/// run of pages is not in memory, so that a bitmap of zero pages may be far larger than memory.
int64_t residency(const Region& region, uint64_t offset, uint64_t length,
                  unsigned char* bitmap) noexcept;

}  // namespace posix_mmap
