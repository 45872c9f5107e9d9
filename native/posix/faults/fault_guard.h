// The signal handlers that turn hardware faults inside our regions into data.
#pragma once

#include "posix/region/region.h"

namespace posix_mmap {

/// sigaction(2) — takes SIGSEGV and SIGBUS for the whole process, once: 0 or -errno. A signal that
/// is not about a region of ours goes on to the handler that was there before.
int fault_guard_install() noexcept;

/// Whether both signals still come to us; false before the first mapping, and after somebody else
/// has installed a handler of their own.
bool fault_guard_active() noexcept;

/// Records a fault that no handler did, and rings the region's bell.
void fault_guard_tell(Region& region, const Fault& fault) noexcept;

/// Returns when no handler is ringing a bell any more: after a bell was taken out of every region,
/// it can be freed.
void fault_guard_await_bells() noexcept;

}  // namespace posix_mmap
