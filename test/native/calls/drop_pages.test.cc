#include "posix/calls/drop_pages.h"

#include <cerrno>
#include <cstring>

#include "posix/calls/lock.h"
#include "support/memory.h"

using posix_mmap::drop_pages;
using testing::Bytes;
using testing::data;
using testing::kPage;
using testing::page;
using testing::RegionPtr;

TEST_CASE("drop_pages: no byte is lost, whatever kind of memory it is") {
  constexpr size_t kPages = 5;
  const Bytes pattern = testing::pattern_bytes(0, kPages * kPage);
  const testing::Descriptor file = testing::patterned_memfd(kPages * kPage);
  for (const int flags : {MAP_SHARED, MAP_PRIVATE}) {
    const RegionPtr region =
        testing::map_file(file.get(), kPages * kPage, testing::kReadWrite, flags);
    Bytes expected = pattern;
    expected[kPage + 5] = std::byte{0xAA};
    testing::store(page(region, 1) + 5, std::byte{0xAA});
    for (const size_t offset : {size_t{0}, size_t{7}, kPage, kPages * kPage}) {
      CHECK(drop_pages(*region, offset, kPages * kPage - offset) == 0);
      CHECK(testing::memory_bytes(data(region), kPages * kPage) == expected);
    }
  }
  const RegionPtr region = testing::map_anonymous(kPages * kPage);
  memcpy(data(region), pattern.data(), pattern.size());
  CHECK(drop_pages(*region, 0, kPages * kPage) == 0);
  CHECK(testing::memory_bytes(data(region), kPages * kPage) == pattern);
}

TEST_CASE("drop_pages: keeps what was stored in pages that were replaced") {
  constexpr size_t kPages = 6;
  const testing::Descriptor file = testing::patterned_memfd(kPages * kPage);
  const RegionPtr region = testing::map_file(file.get(), kPages * kPage, PROT_READ);
  for (const size_t index : {size_t{0}, size_t{2}, size_t{3}, size_t{5}}) {
    testing::store(page(region, index), std::byte{0x77});
  }
  const Bytes before = testing::memory_bytes(data(region), kPages * kPage);
  CHECK(drop_pages(*region, 0, kPages * kPage) == 0);
  CHECK(testing::memory_bytes(data(region), kPages * kPage) == before);
}

TEST_CASE("drop_pages: a range outside, and memory that is locked") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 2 * kPage);
  CHECK(drop_pages(*region, 0, 2 * kPage + 1) == -ERANGE);
  CHECK(drop_pages(*region, 2 * kPage, 0) == 0);
  REQUIRE(posix_mmap::lock_pages(*region, 0, kPage, false) == 0);
  CHECK(drop_pages(*region, 0, 2 * kPage) == -EINVAL);
}
