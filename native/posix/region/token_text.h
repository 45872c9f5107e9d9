// A token as it goes through JavaScript: text that proves that this process issued it, so that
// nobody can make one up or guess another's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace posix_mmap {

/// Writes a token and its proof, 48 hexadecimal digits: 0, or -errno of getrandom(2).
int write_token(uint64_t token, std::string& text) noexcept;

/// Reads what write_token() wrote in this process: 0, or -EXDEV for any other text.
int read_token(std::string_view text, uint64_t& token) noexcept;

}  // namespace posix_mmap
