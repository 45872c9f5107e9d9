// How many kernel mappings (VMAs) this process has, and how many it may have.
#pragma once

#include <cstdint>

namespace posix_mmap {

/// What the kernel says where nobody has changed it.
inline constexpr long kUsualMapLimit = 65'530;

/// Lines of /proc/self/maps: 0, or -errno where it cannot be read. Takes some 0.3 µs a line. Keeps
/// a descriptor from the first call on, so that it also works when no other is to be had. One
/// thread at a time; async-signal-safe.
int count_maps(long& maps) noexcept;

/// /proc/sys/vm/max_map_count; what it was before, or kUsualMapLimit, where that cannot be read.
/// One thread at a time; async-signal-safe.
long map_limit() noexcept;

}  // namespace posix_mmap
