// madvise(2): what the program is about to do with its pages.
#pragma once

#include <cstddef>
#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// madvise(2) — on the pages of a range, rounded as it fits what the advice does to data.
int advise(const Region& region, uint64_t offset, uint64_t length, int advice,
           Rounding rounding = Rounding::outward) noexcept;

/// Whether the running kernel knows a value, found out by advising nothing at all.
bool advice_supported(int advice) noexcept;

}  // namespace posix_mmap
