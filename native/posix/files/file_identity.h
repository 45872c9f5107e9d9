// The file to which a mapping writes. A mapping keeps no descriptor, so the file must be found
// again when one is needed.
#pragma once

#include <cstdint>

#include "posix/page_range.h"

struct stat;

namespace posix_mmap {

/// What fstat(2) says of a file that stays true whatever its name is. Zeros for none.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  bool regular = false;  ///< of another kind, its size is fixed or means nothing
  bool operator==(const FileIdentity&) const = default;
};

FileIdentity identity_of(const struct stat& status) noexcept;

/// fstat(2) — false, and nothing stored, for anything that is not open.
bool identify_file(int fd, FileIdentity& identity) noexcept;

/// Whether a descriptor is of that file, and open for reading and writing.
bool is_file(const FileIdentity& identity, int fd) noexcept;

/// A descriptor of the file that is mapped at `extent`, for reading and writing: a duplicate of
/// `fd` if that still is the file, or else the file at `path`, or else the kernel's own link to it
/// (for which a program needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE). -errno if none of them is
/// the file; -1 and nullptr say that there is no such hint.
int open_mapped_file(const FileIdentity& identity, const Extent& extent, int fd,
                     const char* path) noexcept;

}  // namespace posix_mmap
