// Where the lines of bytes end, many in a call.
#pragma once

#include "posix/region/region.h"

namespace posix_mmap {

/// Where the text of a line ends, a '\r' before its '\n' not included, and where the next line
/// begins; both counted from the first byte of the search.
struct LineEnd {
  uint32_t text;
  uint32_t next;
};

/// Stores the ends of up to `capacity` lines and returns how many. A last line without a '\n' is
/// none. The range is less than 4 GiB. Only reads it, each byte once or twice, and holds no lock.
size_t find_line_ends(const std::byte* begin, size_t length, LineEnd* ends,
                      size_t capacity) noexcept;

/// The number of lines, or the fault that keeps it unknown.
struct LineCount {
  size_t lines = 0;
  Fault fault;
};

/// The same over bytes `offset … offset + length` of a region, which must lie inside. A page that
/// cannot be read, or that no longer shows its file, is a fault, as of find_first().
LineCount find_line_ends(Region& region, uint64_t offset, uint64_t length, LineEnd* ends,
                         size_t capacity) noexcept;

}  // namespace posix_mmap
