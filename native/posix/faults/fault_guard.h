// The signal handlers that turn hardware faults inside our regions into data.
#pragma once

#include "posix/region/region.h"

namespace posix_mmap {

/// sigaction(2) — takes SIGSEGV and SIGBUS for the whole process, once: 0 or -errno. A signal that
/// is not about a region goes on to the handler that was installed before.
int fault_guard_install() noexcept;

/// Whether both signals still come to this guard: not before the first mapping, and no longer once
/// somebody else has installed a handler.
bool fault_guard_active() noexcept;

/// Records a fault that no handler has recorded, and notifies the region's listener.
void fault_guard_report(Region& region, const Fault& fault) noexcept;

/// Returns when no handler is notifying a listener any more: a listener that was taken out of every
/// region before this call can be freed after it.
void fault_guard_await_listeners() noexcept;

}  // namespace posix_mmap
