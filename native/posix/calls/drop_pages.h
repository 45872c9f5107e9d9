// madvise(2): pages that a pass over a region has left behind, given back without losing a byte.
#pragma once

#include "posix/region/region.h"

namespace posix_mmap {

/// Memory that is shared with its file, MADV_DONTNEED: the pages stay where the file has them.
/// Private memory, MADV_PAGEOUT (Linux 5.4): pages that are unchanged go back to the file, changed
/// ones to the swap if there is any. 0 or -errno.
int drop_pages(Region& region, uint64_t offset, uint64_t length) noexcept;

}  // namespace posix_mmap
