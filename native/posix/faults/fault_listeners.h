// The listeners of every thread, for regions that several threads use.
#pragma once

#include "posix/region/region.h"

namespace posix_mmap {

/// A listener that notifies all listeners that were added.
FaultListener* all_fault_listeners() noexcept;

/// From now on `listener` is notified with all the others. Does nothing for one that was added.
void add_fault_listener(FaultListener* listener) noexcept;
/// Afterwards a handler may still be notifying it, see fault_guard_await_listeners().
void remove_fault_listener(const FaultListener* listener) noexcept;

}  // namespace posix_mmap
