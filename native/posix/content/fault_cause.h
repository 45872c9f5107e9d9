// From what a handler knows of a fault to what is told of it: a page that is not to be had may be
// past the end of its file, or its file system could not provide it.
#pragma once

#include "posix/region/region.h"

namespace posix_mmap {

/// The faults of a region's log so far, the first of them explained. Found out once, and kept.
Fault logged_fault(Region& region) noexcept;
/// The same, and the log is empty from now on.
Fault take_logged_fault(Region& region) noexcept;

/// The fault that ended a copy or a search which began at `from`, explained. Of a file that ended
/// inside a page before it, the first byte that is gone counts.
Fault explained(Region& region, Fault fault, uint64_t from) noexcept;
/// The same for a fault that nobody has recorded so far: records it.
Fault reported(Region& region, Fault fault, uint64_t from) noexcept;

}  // namespace posix_mmap
