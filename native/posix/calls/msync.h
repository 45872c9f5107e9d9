// msync(2): carries the changes of a shared mapping to its file.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// msync(2) — on every page that the range touches, with MS_SYNC or MS_ASYNC, and perhaps
/// MS_INVALIDATE: 0 or -errno.
int sync(const Region& region, uint64_t offset, uint64_t length, int flags) noexcept;

}  // namespace posix_mmap
