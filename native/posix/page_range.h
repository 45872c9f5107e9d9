// Which pages a byte range of a mapping covers. All range arithmetic of the package stands here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace posix_mmap {

/// The page size of the running kernel in bytes: sysconf(_SC_PAGESIZE).
size_t page_size() noexcept;

/// `value` rounded up to whole pages. False if that does not fit in 64 bits.
bool round_up_to_page(uint64_t value, uint64_t& rounded) noexcept;

/// Where a mapping lies. `lead` bytes stand before the first byte that the user asked for, because
/// mmap(2) wants file offsets in whole pages; `mapped_length` is a multiple of the page size.
struct Extent {
  std::byte* base = nullptr;
  size_t mapped_length = 0;
  size_t lead = 0;
  size_t byte_length = 0;

  std::byte* data() const noexcept { return base + lead; }
};

/// Whole pages, as the system calls take them. A length of 0 means that there is nothing to do.
struct PageRange {
  std::byte* start = nullptr;
  size_t length = 0;
};

enum class Rounding {
  outward,  ///< every page that the range touches: for calls that keep data
  inward,  ///< pages that the range fills, and the ends of the mapping count as page ends, since no
           ///< other byte of it lies there: for calls that destroy what this mapping alone shows
  strict,  ///< pages that the range fills: for calls that destroy what the file holds
};

/// The pages of bytes `offset … offset + length` of a mapping, or -ERANGE when the range does not
/// lie inside. No page outside the mapping is ever part of the answer.
int page_range(const Extent& extent, uint64_t offset, uint64_t length, Rounding rounding,
               PageRange& out) noexcept;

}  // namespace posix_mmap
