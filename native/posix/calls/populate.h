// MADV_POPULATE_*: faults pages in before they are needed.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// madvise(2) with MADV_POPULATE_READ or MADV_POPULATE_WRITE (Linux 5.14). A page that cannot be
/// had is -EFAULT here and no signal.
int populate(const Region& region, uint64_t offset, uint64_t length, bool write) noexcept;

}  // namespace posix_mmap
