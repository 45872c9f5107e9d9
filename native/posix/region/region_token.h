// Finds a region that another thread has mapped by a number, a token, and never by an address.
#pragma once

#include <cstdint>

namespace posix_mmap {

class Region;

/// Lets `token` name a region from now on. Does not keep the region.
void add_token(uint64_t token, Region& region) noexcept;

/// From here on the token names nothing.
void remove_token(uint64_t token) noexcept;

/// The region of a token if `claim(region)` says true, or nullptr. While `claim` runs, a region
/// that is listed cannot be given back and its record used again.
Region* find_token(uint64_t token, bool (*claim)(Region&)) noexcept;

/// A random number, the same for all threads of this process: tokens of other processes mean
/// nothing here. Below 2**53.
uint64_t token_origin() noexcept;

}  // namespace posix_mmap
