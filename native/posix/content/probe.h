// Finds out whether bytes can be read before somebody is given a view of them.
#pragma once

#include "posix/region/region.h"

namespace posix_mmap {

/// Reads a byte of each page of bytes `offset … offset + length`, which must lie inside, and so
/// brings the pages into memory. Returns the first page that cannot be read or was replaced as a
/// fault; its kind is none if there is no such page.
Fault probe(Region& region, uint64_t offset, uint64_t length) noexcept;

enum class Access { read, write };

/// The first page of a range that the file or its file system has lost, or that is protected, found
/// by an access to each page in turn, which changes nothing and brings the page into memory; kind
/// none if there is none. A page that was replaced counts if it was lost.
Fault find_lost(Region& region, uint64_t offset, uint64_t length, Access access) noexcept;

/// The first byte of a range that a fault or the end of the file has taken since probe() found all
/// of it there, without a look at each page; kind none if there is none.
Fault find_gone_since(Region& region, uint64_t offset, uint64_t length) noexcept;

/// Why a range cannot be carried to its file: the first page of it that was replaced, or the first
/// byte past the end of the file. Kind none for memory that has no file.
Fault find_unsyncable(Region& region, uint64_t offset, uint64_t length) noexcept;

}  // namespace posix_mmap
