// Which pages a byte range of a mapping covers. All range arithmetic of the package stands here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace posix_mmap {

/// The page size of the running kernel in bytes: sysconf(_SC_PAGESIZE).
size_t page_size() noexcept;

/// `value` rounded up to whole pages. False if that does not fit in 64 bits.
bool round_up_to_page(uint64_t value, uint64_t& rounded) noexcept;

/// How far into its page an address or a file offset is, in bytes.
uint64_t offset_in_page(uint64_t value) noexcept;
inline uint64_t offset_in_page(const void* address) noexcept {
  return offset_in_page(reinterpret_cast<uintptr_t>(address));
}

/// The first byte of the page of an address.
std::byte* page_of(std::byte* address) noexcept;

/// The first byte of the page after the page of an address.
const std::byte* next_page(const std::byte* address) noexcept;

/// Where a mapping lies. `lead` bytes stand before the first byte that the user asked for, because
/// mmap(2) wants file offsets in whole pages; `mapped_length` is a multiple of the page size.
struct Extent {
  std::byte* base = nullptr;
  size_t mapped_length = 0;
  size_t lead = 0;
  size_t byte_length = 0;

  std::byte* data() const noexcept { return base + lead; }
};

/// An extent of the whole pages for `length` bytes after `lead`, its base not yet known. False if
/// they do not fit in 64 bits.
bool covering_pages(size_t lead, uint64_t length, Extent& extent) noexcept;

/// Whether bytes `offset … offset + length` lie inside a mapping.
bool contains(const Extent& extent, uint64_t offset, uint64_t length) noexcept;

/// The offset of an address from the first byte of a mapping; 0 for an address in its lead.
uint64_t byte_offset(const Extent& extent, const std::byte* address) noexcept;

/// Which page of a mapping an address lies in, counted from its base.
size_t page_index(const Extent& extent, const void* address) noexcept;

/// The offset at which the page of the byte at `offset` begins; 0 if it begins in the lead.
uint64_t page_start(const Extent& extent, uint64_t offset) noexcept;

/// The offset at which the page after the byte at `offset` begins.
uint64_t page_end(const Extent& extent, uint64_t offset) noexcept;

/// The offset at which the piece ends that begins at `offset`, `end` at most, when a long range is
/// worked on in pieces of `piece` bytes, which are whole pages. Pieces meet at page ends, or the
/// page in which two of them meet would be worked on twice.
uint64_t piece_end(const Extent& extent, uint64_t offset, uint64_t end, uint64_t piece) noexcept;

/// Where the last such piece begins of a range that ends at `end`, `begin` at least. A piece that
/// was found from either side of the range is the same.
uint64_t piece_start(const Extent& extent, uint64_t begin, uint64_t end, uint64_t piece) noexcept;

struct ByteRange {
  std::byte* start = nullptr;
  size_t length = 0;
};

/// Whole pages, as the system calls take them. A length of 0 means that there is nothing to do.
struct PageRange : ByteRange {};

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

/// The bytes of a range before and after the pages that page_range() answers for it.
struct RangeEdges {
  ByteRange head;
  ByteRange tail;
};

/// The edges of bytes `offset … offset + length`, which must lie inside.
RangeEdges range_edges(const Extent& extent, uint64_t offset, uint64_t length,
                       Rounding rounding) noexcept;

/// Every page that `length` bytes of memory at an address touch.
PageRange touched_pages(const std::byte* address, size_t length) noexcept;

}  // namespace posix_mmap
