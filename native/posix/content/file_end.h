// Whether bytes are the file's. Past the end of a file the rest of its last page reads as zeros,
// and takes stores, without a fault: only pages that lie wholly past it fault.
#pragma once

#include "posix/region/region.h"

namespace posix_mmap {

/// What tells without a system call that a file goes beyond a range: a byte that is not zero, in
/// the range or behind it in the same page (zeros are all that is ever invented; stores past the
/// end are the exception).
enum class Evidence {
  content,  ///< either of these
  behind,   ///< only what is behind the range, which was just stored to, or ends with a zero
  none,     ///< neither, since the program may have stored past the end: the file is asked
};

/// Whether the last of some bytes can be read and is not zero, which says that they all lie in the
/// file now.
bool ends_in_content(const std::byte* begin, uint64_t length) noexcept;

/// Whether bytes `offset … offset + length` of a region, which must lie inside, lie in the file as
/// well. Where nothing else tells, the file is asked for its size; one that is not to be found
/// counts as long enough. The first byte that is gone is recorded and returned as a fault, kind
/// none if there is none.
Fault find_past_end(Region& region, uint64_t offset, uint64_t length, Evidence evidence) noexcept;

/// The same for all of a region, where zeros can be seen without a fault: a file that ends inside a
/// page. With `again` also where that end was told before.
Fault find_silent_end(Region& region, bool again) noexcept;

/// Where the file ends now, in bytes from the first byte of the region; UINT64_MAX when the region
/// has no file that can end, or it is not to be found.
uint64_t file_end(Region& region) noexcept;

}  // namespace posix_mmap
