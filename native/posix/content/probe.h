// Finds out whether bytes can be read before somebody is given a view of them.
#pragma once

#include "posix/region/region.h"

namespace posix_mmap {

/// Reads a byte of each page of bytes `offset … offset + length`, which must lie inside, and so
/// brings the pages into memory. Returns the first page that cannot be read or was replaced as a
/// fault; its kind is none if there is no such page.
Fault probe(Region& region, uint64_t offset, uint64_t length) noexcept;

}  // namespace posix_mmap
