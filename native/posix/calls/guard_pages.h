// madvise(2) with MADV_GUARD_*: makes pages that no access may touch.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// madvise(2) with MADV_GUARD_INSTALL (Linux 6.13) — on the pages that the range fills. Their
/// private content is lost.
int install_guard(Region& region, uint64_t offset, uint64_t length) noexcept;

/// madvise(2) with MADV_GUARD_REMOVE (Linux 6.13) — on the pages that the range fills.
int remove_guard(Region& region, uint64_t offset, uint64_t length) noexcept;

}  // namespace posix_mmap
