// madvise(2): gives back pages that a pass over a region has left behind, without losing a byte.
#pragma once

#include "posix/region/region.h"

namespace posix_mmap {

/// madvise(2) with MADV_DONTNEED — for memory that is shared with its file: the pages stay in the
/// page cache. With MADV_PAGEOUT (Linux 5.4) for private memory: unchanged pages go back to the
/// file, and changed pages to the swap if there is any. 0 or -errno.
int drop_pages(Region& region, uint64_t offset, uint64_t length) noexcept;

}  // namespace posix_mmap
