// Whether bytes are there, before somebody is given a view of them.
#pragma once

#include "posix/region/region.h"

namespace posix_mmap {

/// Reads a byte of each page of bytes `offset … offset + length`, which have to lie inside, and so
/// brings them into memory. Returns the first page that cannot be read or was replaced as a fault,
/// kind none if there is none.
Fault probe(Region& region, uint64_t offset, uint64_t length) noexcept;

}  // namespace posix_mmap
