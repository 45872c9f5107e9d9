// posix_fadvise(2): what the program is about to do with a file.
#pragma once

#include <cstdint>

namespace posix_mmap {

/// posix_fadvise(2) — on bytes of a file, 0 or -errno. A length of 0 reaches to the end.
int advise_file(int fd, uint64_t offset, uint64_t length, int advice) noexcept;

}  // namespace posix_mmap
