// The size of a file before it is mapped, and the room that is made in it.
#pragma once

#include <cstdint>

#include "posix/files/file_identity.h"

namespace posix_mmap {

/// fstat(2) — the size in bytes of the file behind a descriptor, or -errno: -EISDIR for a
/// directory, -ENODEV for a pipe or socket, -EOPNOTSUPP for a file of hugetlbfs. INT64_MAX for a
/// character device, which has no size of its own. Stores which file it is as well, so that its
/// mmap(2) needs no second fstat(2).
int64_t file_size(int fd, FileIdentity& identity) noexcept;
int64_t file_size(int fd) noexcept;

/// ftruncate(2) — sets the size of a file: 0 or -errno.
int truncate(int fd, uint64_t size) noexcept;

/// fallocate(2) — gives the file blocks for `length` bytes at `offset`, and makes it that long if
/// it is shorter. An error, such as -ENOSPC, leaves the size as it was.
int reserve_blocks(int fd, uint64_t offset, uint64_t length) noexcept;

}  // namespace posix_mmap
