// A name for a file that was opened without one.
#pragma once

namespace posix_mmap {

/// linkat(2) of /proc/self/fd — gives a file of O_TMPFILE a name, at which it appears whole: 0 or
/// -errno, -EEXIST when the name is taken.
int link_descriptor(int fd, const char* path) noexcept;

}  // namespace posix_mmap
