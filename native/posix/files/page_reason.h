// Why a file system did not provide a page that its file has.
#pragma once

#include <cstdint>

namespace posix_mmap {

/// pread(2), statfs(2), quotactl(2) — an errno for the page at `offset` of an open file: what a
/// read of it says; ENOSPC or EDQUOT when it can be read and its file system, or its owner's quota,
/// has no room for a page more; 0 when nothing is wrong now.
int page_reason(int fd, uint64_t offset) noexcept;

}  // namespace posix_mmap
