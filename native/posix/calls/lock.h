// mlock2(2): keeps pages in memory, so that no access waits for the disk.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// mlock2(2) — reads the pages of a range in and keeps them in memory; with `on_fault` keeps each
/// page only from its first touch on. 0 or -errno.
int lock_pages(const Region& region, uint64_t offset, uint64_t length, bool on_fault) noexcept;

/// munlock(2) — lets the pages of a range leave memory again: 0 or -errno, which is -ENOMEM when
/// there is no VMA to spare for pages that differ from their neighbours.
int unlock_pages(const Region& region, uint64_t offset, uint64_t length) noexcept;

/// getrlimit(2) — RLIMIT_MEMLOCK in bytes, or UINT64_MAX when there is no limit.
uint64_t lock_limit() noexcept;

}  // namespace posix_mmap
