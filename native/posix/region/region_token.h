// Finds a region that another thread has mapped by a number, a token, and never by an address.
#pragma once

#include <cstdint>
#include <string>

namespace posix_mmap {

class Region;

/// Lets `token` name a region from now on. Does not keep the region.
void add_token(uint64_t token, Region& region) noexcept;

/// From here on the token names nothing, until it is added again.
void hide_token(uint64_t token) noexcept;

/// From here on the token names nothing for good, and what was said of it is forgotten.
void remove_token(uint64_t token) noexcept;

/// Says of a token that was added what those who redeem it must know: a text, and a descriptor of
/// the memory (-1 for none), which is duplicated for as long as the token lives. Said once; later
/// calls change nothing. 0, or -errno of fcntl(2).
int describe_token(uint64_t token, const std::string& facts, int fd) noexcept;

/// What was said of a token; `fd` is a new descriptor for the caller, or -1. 0, -errno of
/// fcntl(2), or -EBADF when somebody has closed the descriptor that was kept.
int facts_of_token(uint64_t token, std::string& facts, int& fd) noexcept;

/// The region of a token if `claim(region)` says true, or nullptr. While `claim` runs, a region
/// that is listed cannot be given back and its record used again.
Region* find_token(uint64_t token, bool (*claim)(Region&)) noexcept;

}  // namespace posix_mmap
