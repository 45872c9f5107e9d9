// The file behind a region. A mapping keeps no descriptor, so that it has to be found again.
#pragma once

#include "region.h"

namespace posix_mmap {

/// fstat(2): false, and nothing stored, for what is no file.
bool identify_file(int fd, FileIdentity& identity) noexcept;

/// Whether a descriptor is of that file, and for reading and writing.
bool is_file_of(const Region& region, int fd) noexcept;

/// A descriptor of the file that stores to the region reach, for reading and writing: a duplicate
/// of `fd` if it is that file still, or what `path` leads to, or what the kernel keeps (for which a
/// program needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE). -errno if none of them is; -1 and
/// nullptr say that there is no such hint.
int open_region_file(const Region& region, int fd, const char* path) noexcept;

}  // namespace posix_mmap
