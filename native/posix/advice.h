// madvise(2): what the program is about to do with its pages.
#pragma once

#include <cstddef>
#include <cstdint>

#include "region.h"

namespace posix_mmap {

/// madvise(2) — on the pages of a range, rounded as it fits what the advice does to data.
int advise(const Region& region, uint64_t offset, uint64_t length, int advice,
           Rounding rounding = Rounding::outward) noexcept;

/// Whether the running kernel knows a value, found out by advising nothing at all.
bool advice_supported(int advice) noexcept;

/// The size of a transparent huge page in bytes, 0 on kernels without them.
size_t huge_page_size() noexcept;

}  // namespace posix_mmap
