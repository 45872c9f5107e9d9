// mprotect(2): what may be done with pages.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// mprotect(2) — on every page that the range touches.
int protect(Region& region, uint64_t offset, uint64_t length, int protection) noexcept;

}  // namespace posix_mmap
