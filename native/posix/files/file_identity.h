// Which file a mapping writes to. A mapping keeps no descriptor, so that the file must be found
// again when a descriptor is needed.
#pragma once

#include <cstdint>

#include "posix/page_range.h"

struct stat;

namespace posix_mmap {

/// Which file it is, whatever its name is now: of fstat(2). Zeros for none.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  bool regular = false;  ///< of another kind, its size is fixed or means nothing
  bool operator==(const FileIdentity&) const = default;
};

FileIdentity identity_of(const struct stat& status) noexcept;

/// fstat(2) — false, and nothing stored, for anything that is not open.
bool identify_file(int fd, FileIdentity& identity) noexcept;

/// Whether a descriptor is of that file, and for reading and writing.
bool is_file(const FileIdentity& identity, int fd) noexcept;

/// A descriptor of the file that is mapped at `extent`, for reading and writing: a duplicate of
/// `fd` if it is that file still, or what `path` leads to, or what the kernel keeps (for which a
/// program needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE). -errno if none of them is; -1 and
/// nullptr say that there is no such hint.
int open_mapped_file(const FileIdentity& identity, const Extent& extent, int fd,
                     const char* path) noexcept;

}  // namespace posix_mmap
