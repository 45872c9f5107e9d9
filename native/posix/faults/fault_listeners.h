// Every thread that wants to hear of faults, for regions that several threads use.
#pragma once

#include "posix/region/region.h"

namespace posix_mmap {

/// Rings all bells that were hung up.
FaultBell* everybodys_bell() noexcept;

/// Has `bell` ring with everybody's from now on. Callable again for the same bell.
void hang_up_bell(FaultBell* bell) noexcept;
/// Takes it down; a handler may still be ringing it (fault_guard_await_bells).
void take_down_bell(const FaultBell* bell) noexcept;

}  // namespace posix_mmap
