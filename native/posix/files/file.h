// What a file says about itself before it is mapped, and the room that is made in it.
#pragma once

#include <cstdint>

#include "posix/files/file_identity.h"

namespace posix_mmap {

/// fstat(2) — the size in bytes of what a descriptor stands for, or -errno: -EISDIR for a
/// directory, -ENODEV for a pipe or socket, -EOPNOTSUPP for a file of hugetlbfs. Character devices
/// have no size of their own: INT64_MAX. Which file it is, is stored as well, so that
/// its mmap(2) needs no second fstat(2).
int64_t file_size(int fd, FileIdentity& identity) noexcept;
int64_t file_size(int fd) noexcept;

/// ftruncate(2) — sets the size of a file: 0 or -errno.
int truncate(int fd, uint64_t size) noexcept;

/// fallocate(2) — gives the file blocks for `length` bytes at `offset`, and makes it that long if
/// it is shorter. -ENOSPC and the rest leave the size as it was.
int reserve_blocks(int fd, uint64_t offset, uint64_t length) noexcept;

}  // namespace posix_mmap
