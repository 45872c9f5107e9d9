#include "posix/calls/residency.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>

#include "posix/range_call.h"

namespace posix_mmap {
namespace {

constexpr size_t kChunkPages = size_t{16} * 1024;

int64_t residency_of(const PageRange& pages, unsigned char* bitmap) noexcept {
  std::array<unsigned char, kChunkPages> chunk{};
  const size_t count = pages.length / page_size();
  int64_t resident = 0;
  for (size_t first = 0; first < count; first += kChunkPages) {
    const size_t size = std::min(count - first, kChunkPages);
    if (mincore(pages.start + first * page_size(), size * page_size(), chunk.data()) != 0) {
      return -errno;
    }
    int64_t here = 0;
    for (size_t page = 0; page < size; ++page) {
      chunk[page] &= 1;  // mincore(2) reserves the other bits
      here += chunk[page];
    }
    resident += here;
    // The bitmap has no memory of its own yet where it is zero, and a store would give it some.
    if (here > 0) std::copy_n(chunk.begin(), size, bitmap + first);
  }
  return resident;
}

}  // namespace

int64_t count_pages(const Region& region, uint64_t offset, uint64_t length) noexcept {
  return on_pages(region, offset, length, Rounding::outward, Splits::no,
                  [](PageRange pages) { return static_cast<int64_t>(pages.length / page_size()); });
}

int64_t residency(const Region& region, uint64_t offset, uint64_t length,
                  unsigned char* bitmap) noexcept {
  return on_pages(region, offset, length, Rounding::outward, Splits::no,
                  [=](PageRange pages) { return residency_of(pages, bitmap); });
}

}  // namespace posix_mmap
