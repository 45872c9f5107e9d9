// A copy that waits for no disk.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// copy_out() of a range that mincore(2) finds in memory as a whole, at once: 0, and what came of
/// it is in `fault`. -EAGAIN, and nothing was copied, where it does not, or does not tell, or the
/// range has more pages than are worth the question.
int copy_resident(Region& region, uint64_t offset, uint64_t length, std::byte* target,
                  Fault& fault) noexcept;

}  // namespace posix_mmap
