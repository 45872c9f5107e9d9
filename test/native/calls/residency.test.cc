#include "posix/calls/residency.h"

#include <algorithm>
#include <cerrno>

#include "posix/calls/discard.h"
#include "support/memory.h"

using posix_mmap::count_pages;
using posix_mmap::residency;
using testing::kPage;
using testing::page;
using testing::RegionPtr;

TEST_CASE("residency: counts the pages that a range touches") {
  const RegionPtr region = testing::map_anonymous(4 * kPage);
  CHECK(count_pages(*region, 0, 4 * kPage) == 4);
  CHECK(count_pages(*region, 0, 0) == 0);
  CHECK(count_pages(*region, 4 * kPage, 0) == 0);
  CHECK(count_pages(*region, kPage - 1, 2) == 2);
  CHECK(count_pages(*region, kPage, 1) == 1);
  CHECK(count_pages(*region, 0, 4 * kPage + 1) == -ERANGE);
  CHECK(count_pages(*region, UINT64_MAX, UINT64_MAX) == -ERANGE);
  const testing::Descriptor file = testing::memfd(4 * kPage);
  const RegionPtr led = testing::map_file(file.get(), kPage, PROT_READ, MAP_SHARED, 3);
  CHECK(count_pages(*led, 0, kPage - 3) == 1);
  CHECK(count_pages(*led, 0, kPage - 2) == 2);
}

TEST_CASE("residency: a byte a page, 1 where the page is in memory, and no byte too many") {
  const testing::Descriptor file = testing::memfd(6 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 6 * kPage);
  const auto ask = [&](uint64_t offset, uint64_t length, int64_t resident) {
    std::vector<unsigned char> bitmap(static_cast<size_t>(count_pages(*region, offset, length)));
    bitmap.push_back(0xEE);
    CHECK(residency(*region, offset, length, bitmap.data()) == resident);
    CHECK(bitmap.back() == 0xEE);
    bitmap.pop_back();
    CHECK(std::count(bitmap.begin(), bitmap.end(), 1) == resident);
    CHECK(std::count(bitmap.begin(), bitmap.end(), 0) == int64_t(bitmap.size()) - resident);
    return bitmap;
  };
  ask(0, 6 * kPage, 0);
  testing::store(page(region, 1), std::byte{1});
  testing::store(page(region, 4), std::byte{1});
  CHECK(ask(0, 6 * kPage, 2) == std::vector<unsigned char>{0, 1, 0, 0, 1, 0});
  CHECK(ask(2 * kPage - 1, 2 * kPage + 2, 2) == std::vector<unsigned char>{1, 0, 0, 1});
  CHECK(ask(2 * kPage, 2 * kPage, 0) == std::vector<unsigned char>{0, 0});
  ask(3, 0, 0);
  REQUIRE(posix_mmap::punch_hole(*region, kPage, kPage) == 0);
  CHECK(ask(0, 6 * kPage, 1) == std::vector<unsigned char>{0, 0, 0, 0, 1, 0});
  CHECK(residency(*region, 1, 6 * kPage, nullptr) == -ERANGE);
}

TEST_CASE("residency: a range of many pages, of which a few are in memory, anywhere") {
  constexpr size_t kPages = 100'000;
  const testing::Descriptor file = testing::memfd(kPages * kPage);
  const RegionPtr region = testing::map_file(file.get(), kPages * kPage);
  std::vector<size_t> stored;
  for (size_t index = 0; index < kPages; index += 16 * 1024) {
    if (index > 0) stored.push_back(index - 1);
    // One stretch stays without any.
    if (index != size_t{32} * 1024) stored.push_back(index);
  }
  stored.push_back(kPages - 1);
  for (const size_t index : stored) testing::store(page(region, index), std::byte{1});
  for (const size_t first : {size_t{0}, size_t{1}, size_t{16} * 1024 - 1}) {
    std::vector<unsigned char> expected(kPages - first);
    for (const size_t index : stored) {
      if (index >= first) expected[index - first] = 1;
    }
    std::vector<unsigned char> bitmap(kPages - first);
    CHECK(residency(*region, first * kPage, (kPages - first) * kPage, bitmap.data()) ==
          std::count(expected.begin(), expected.end(), 1));
    CHECK((bitmap == expected));
  }
}
