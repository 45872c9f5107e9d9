// madvise(2) with MADV_POPULATE_*: faults pages in before they are needed.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// madvise(2) with MADV_POPULATE_READ or MADV_POPULATE_WRITE (Linux 5.14) — on every page that the
/// range touches. A page whose touch would raise a signal is -EFAULT here.
int populate(const Region& region, uint64_t offset, uint64_t length, bool write) noexcept;

}  // namespace posix_mmap
