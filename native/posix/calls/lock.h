// mlock2(2): keeps pages in memory.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// mlock2(2) — reads the pages in and keeps them; with `on_fault` each only once it was touched.
int lock_pages(const Region& region, uint64_t offset, uint64_t length, bool on_fault) noexcept;

/// munlock(2).
int unlock_pages(const Region& region, uint64_t offset, uint64_t length) noexcept;

/// getrlimit(2) — RLIMIT_MEMLOCK in bytes, UINT64_MAX when there is no limit.
uint64_t lock_limit() noexcept;

}  // namespace posix_mmap
