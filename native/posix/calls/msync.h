// msync(2): carries changes of a shared mapping to its file.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// msync(2) — with MS_SYNC or MS_ASYNC, and perhaps MS_INVALIDATE.
int sync(const Region& region, uint64_t offset, uint64_t length, int flags) noexcept;

}  // namespace posix_mmap
