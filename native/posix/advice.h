// madvise(2): what the program is about to do with its pages.
#pragma once

#include <cstddef>
#include <cstdint>

#include "region.h"

namespace posix_mmap {

/// madvise(2) — for values that keep data: on every page that the range touches.
int advise(const Region& region, uint64_t offset, uint64_t length, int advice) noexcept;

/// madvise(2) — for values that drop or change data: on the pages that the range fills.
int advise_inside(const Region& region, uint64_t offset, uint64_t length, int advice) noexcept;

/// Whether the running kernel knows a value, found out by advising nothing at all.
bool advice_supported(int advice) noexcept;

/// The size of a transparent huge page in bytes, 0 on kernels without them.
size_t huge_page_size() noexcept;

}  // namespace posix_mmap
