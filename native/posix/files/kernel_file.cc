#include "posix/files/kernel_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

namespace posix_mmap {
namespace {

/// Calls `visit(begin, end)` for each piece of a file: 0 or -errno.
template <typename Visit>
int for_each_piece(const char* path, Visit visit) noexcept {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  std::array<char, 16UL * 1024> piece;
  for (ssize_t got = 0; (got = read(fd, piece.data(), piece.size())) > 0;) {
    visit(piece.data(), piece.data() + got);
  }
  close(fd);
  return 0;
}

}  // namespace

uint64_t read_kernel_number(const char* path, uint64_t otherwise) noexcept {
  uint64_t number = otherwise;
  for_each_piece(path,
                 [&](const char* begin, const char* end) { std::from_chars(begin, end, number); });
  return number;
}

int count_kernel_lines(const char* path, uint64_t& lines) noexcept {
  lines = 0;
  return for_each_piece(path, [&](const char* begin, const char* end) {
    lines += static_cast<uint64_t>(std::count(begin, end, '\n'));
  });
}

size_t huge_page_size() noexcept {
  static const size_t size =
      read_kernel_number("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", 0);
  return size;
}

}  // namespace posix_mmap
