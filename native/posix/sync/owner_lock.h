// Who is alive: a thread that may own locks holds a byte of their file, on an open file description
// of its own that the kernel closes when the thread's process ends, however it ends.
#pragma once

#include <cstdint>

namespace posix_mmap {

/// fcntl(2) with F_OFD_SETLK — takes the byte for as long as the description is open: 0, -EAGAIN
/// when another description has it, or -errno.
int hold_byte(int fd, uint64_t offset) noexcept;

/// fcntl(2) with F_OFD_GETLK — whether another description holds the byte: 1, 0 or -errno.
int is_byte_held(int fd, uint64_t offset) noexcept;

}  // namespace posix_mmap
