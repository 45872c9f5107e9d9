// Small text files in which the kernel describes itself, in /proc and /sys.
#pragma once

#include <cstddef>
#include <cstdint>

namespace posix_mmap {

/// The number that a file starts with, or `otherwise` where it cannot be read.
uint64_t read_kernel_number(const char* path, uint64_t otherwise) noexcept;

/// The number behind `name` at the start of a line, as in "VmLck:  64 kB", or `otherwise`.
uint64_t read_kernel_field(const char* path, const char* name, uint64_t otherwise) noexcept;

/// Counts the lines of a file: 0, or -errno where it cannot be opened.
int count_kernel_lines(const char* path, uint64_t& lines) noexcept;

/// The size of a transparent huge page in bytes, or 0 on a kernel without them.
size_t huge_page_size() noexcept;

}  // namespace posix_mmap
