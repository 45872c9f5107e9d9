// memfd_create(2) and shm_open(3): memory that has a descriptor but no file.
#pragma once

namespace posix_mmap {

/// memfd_create(2) — a descriptor, or -errno.
int create_memfd(const char* name, unsigned flags) noexcept;

/// shm_open(3) — a descriptor, or -errno. `mode` counts only with O_CREAT; umask applies.
int open_shared_memory(const char* name, int flags, unsigned mode) noexcept;

/// shm_unlink(3) — 0 or -errno.
int unlink_shared_memory(const char* name) noexcept;

}  // namespace posix_mmap
