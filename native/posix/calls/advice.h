// madvise(2): what the program is about to do with its pages.
#pragma once

#include <cstddef>
#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// madvise(2) — gives advice about the pages of a range, which the caller has rounded to suit what
/// the advice does to data: 0 or -errno.
int advise(const Region& region, uint64_t offset, uint64_t length, int advice,
           Rounding rounding = Rounding::outward) noexcept;

/// Whether the running kernel knows an advice. Asked with an empty range, so that nothing changes.
bool advice_supported(int advice) noexcept;

}  // namespace posix_mmap
