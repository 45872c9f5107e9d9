// mprotect(2): decides what accesses to pages are allowed.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// mprotect(2) — on every page that the range touches: 0 or -errno.
int protect(Region& region, uint64_t offset, uint64_t length, int protection) noexcept;

}  // namespace posix_mmap
