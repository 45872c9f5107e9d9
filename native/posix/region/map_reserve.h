// A few kernel mappings (VMAs) in reserve, for the moment when the process may have no more of them
// and a fault must be repaired all the same.
#pragma once

namespace posix_mmap {

/// Makes the reserve. Called once.
void map_reserve_fill() noexcept;

/// Gives one of them back to the kernel. False if none is left. Async-signal-safe.
bool map_reserve_spend() noexcept;

}  // namespace posix_mmap
