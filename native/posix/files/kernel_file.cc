#include "posix/files/kernel_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>

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

uint64_t read_kernel_field(const char* path, const char* name, uint64_t otherwise) noexcept {
  const std::string_view wanted(name);
  uint64_t number = otherwise;
  bool found = false;
  size_t matched = 0;   // characters of the name, at the start of this line
  bool in_name = true;  // all of the line so far
  bool in_number = false;
  for_each_piece(path, [&](const char* begin, const char* end) {
    for (const char* at = begin; at != end && !found; ++at) {
      const bool digit = *at >= '0' && *at <= '9';
      if (in_number && digit) {
        number = number * 10 + static_cast<uint64_t>(*at - '0');
      } else if (in_number) {
        found = true;
      } else if (*at == '\n') {
        matched = 0;
        in_name = true;
      } else if (in_name && matched < wanted.size()) {
        in_name = *at == wanted[matched++];
      } else if (in_name && digit) {
        in_number = true;
        number = static_cast<uint64_t>(*at - '0');
      }
    }
  });
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
