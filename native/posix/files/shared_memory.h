// memfd_create(2) and shm_open(3): memory that has a descriptor and no file on a disk.
#pragma once

namespace posix_mmap {

/// memfd_create(2) — a descriptor, or -errno.
int create_memfd(const char* name, unsigned flags) noexcept;

/// shm_open(3) — a descriptor, or -errno. `mode` counts only with O_CREAT; umask applies.
int open_shared_memory(const char* name, int flags, unsigned mode) noexcept;

/// shm_unlink(3) — 0 or -errno.
int unlink_shared_memory(const char* name) noexcept;

/// fcntl(2) with F_ADD_SEALS — 0 or -errno.
int add_seals(int fd, int seals) noexcept;

/// fcntl(2) with F_GET_SEALS — the seals, or -errno; -EINVAL for a file that cannot be sealed.
int get_seals(int fd) noexcept;

/// fcntl(2) with F_DUPFD_CLOEXEC — another descriptor of the same file, or -errno.
int duplicate(int fd) noexcept;

/// fcntl(2) with F_GETFL — O_RDONLY, O_WRONLY or O_RDWR, or -errno.
int access_mode(int fd) noexcept;

}  // namespace posix_mmap
