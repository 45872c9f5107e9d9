#include "posix/content/search.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <string_view>

#include "posix/calls/protection.h"
#include "support/memory.h"

using posix_mmap::find_first;
using posix_mmap::find_last;
using posix_mmap::Found;
using testing::Bytes;
using testing::data;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::page;
using testing::RegionPtr;

namespace {

constexpr uint64_t kNowhere = Found::kNowhere;
constexpr Fault kNone{};

Bytes bytes_of(std::string_view text) {
  const auto* const first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

Found first(const RegionPtr& region, const Bytes& needle, uint64_t offset = 0) {
  const uint64_t length = region->extent().byte_length - offset;
  return find_first(*region, offset, length, needle.data(), needle.size());
}
Found last(const RegionPtr& region, const Bytes& needle, uint64_t offset = 0) {
  const uint64_t length = region->extent().byte_length - offset;
  return find_last(*region, offset, length, needle.data(), needle.size());
}

bool is_at(const Found& found, uint64_t offset) {
  return found.offset == offset && found.fault == kNone;
}

RegionPtr filled(const Bytes& content) {
  RegionPtr region = testing::map_anonymous(content.size());
  memcpy(data(region), content.data(), content.size());
  return region;
}

uint64_t search_of(const Bytes& hay, size_t begin, size_t end, const Bytes& needle) {
  for (size_t at = begin; at + needle.size() <= end; ++at) {
    if (std::equal(needle.begin(), needle.end(), hay.begin() + static_cast<long>(at))) return at;
  }
  return kNowhere;
}
uint64_t reverse_search_of(const Bytes& hay, size_t begin, size_t end, const Bytes& needle) {
  for (size_t at = end - std::min(end, needle.size()) + 1; at-- > begin;) {
    if (at + needle.size() > end) continue;
    if (std::equal(needle.begin(), needle.end(), hay.begin() + static_cast<long>(at))) return at;
  }
  return kNowhere;
}

}  // namespace

TEST_CASE("search: agrees with a byte by byte search, over small alphabets") {
  std::mt19937 random(7);
  size_t wrong = 0;
  for (int round = 0; round < 3000; ++round) {
    const unsigned letters = 1 + random() % 3;
    Bytes hay(1 + random() % 300);
    Bytes needle(1 + random() % 12);
    for (std::byte& byte : hay) byte = static_cast<std::byte>(random() % letters);
    for (std::byte& byte : needle) byte = static_cast<std::byte>(random() % letters);
    const RegionPtr region = filled(hay);
    const size_t begin = random() % hay.size();
    const size_t end = begin + random() % (hay.size() - begin + 1);
    const Found forward = find_first(*region, begin, end - begin, needle.data(), needle.size());
    const Found backward = find_last(*region, begin, end - begin, needle.data(), needle.size());
    wrong += !is_at(forward, search_of(hay, begin, end, needle));
    wrong += !is_at(backward, reverse_search_of(hay, begin, end, needle));
  }
  CHECK(wrong == 0);
}

TEST_CASE("search: across the windows of a backward search, for short and long needles") {
  const size_t size = 3 * (size_t{1} << 20);
  const RegionPtr region = testing::map_anonymous(size);
  for (const size_t length : {size_t{1}, size_t{2}, size_t{37}, kPage, 100 * kPage}) {
    const Bytes needle = testing::pattern_bytes(3, length);
    for (const size_t place :
         {size_t{0}, size_t{1}, size - (size_t{256} << 10) - length / 2, size / 2 + 7,
          size - (size_t{256} << 10), size - length - 1, size - length}) {
      if (place + length > size) continue;
      memcpy(data(region) + place, needle.data(), length);
      CHECK(is_at(first(region, needle), place));
      CHECK(is_at(last(region, needle), place));
      memset(data(region) + place, 0, length);
    }
    CHECK(is_at(first(region, needle), kNowhere));
    CHECK(is_at(last(region, needle), kNowhere));
  }
  // Every place is one: the first and the last of them.
  const Bytes zeros(1000, std::byte{0});
  CHECK(is_at(first(region, zeros, 5), 5));
  CHECK(is_at(last(region, zeros, 5), size - 1000));
}

TEST_CASE("search: a page in the way is a fault, reported once, and stays as it is") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 4 * kPage - 3, PROT_READ, MAP_SHARED, 3);
  const uint64_t edge = 2 * kPage - 3;
  const Bytes needle = bytes_of("nowhere");
  Found found = first(region, needle);
  CHECK(found.offset == kNowhere);
  CHECK(found.fault == Fault{FaultKind::truncated, edge, 1});
  CHECK(region->faults().take() == Fault{FaultKind::truncated, edge, 1});
  found = first(region, needle, edge + 5);
  CHECK(found.fault == Fault{FaultKind::truncated, edge + 5, 1});
  region->faults().take();
  // From the end: the last page is the first in the way.
  found = last(region, needle);
  CHECK(found.fault == Fault{FaultKind::truncated, edge + kPage, 1});
  CHECK(region->faults().take() == Fault{FaultKind::truncated, edge + kPage, 1});
  CHECK_FALSE(region->faults().any_replaced());
}

TEST_CASE("search: a page that the answer does not depend on is no fault") {
  const testing::Descriptor file = testing::patterned_memfd(5 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 5 * kPage);
  memcpy(page(region, 1) + 10, "needle", 6);
  memcpy(page(region, 3) + 10, "needle", 6);
  REQUIRE(posix_mmap::protect(*region, 2 * kPage, kPage, PROT_NONE) == 0);
  const Bytes needle = bytes_of("needle");
  CHECK(is_at(first(region, needle), kPage + 10));
  CHECK(is_at(last(region, needle), 3 * kPage + 10));
  CHECK(region->faults().records() == 0);
  // But it is when the answer may lie in it.
  const Fault fault{FaultKind::no_access, 2 * kPage, 1};
  CHECK(first(region, needle, kPage + 11).fault == fault);
  CHECK(find_last(*region, 0, 3 * kPage + 12, needle.data(), 6).fault == fault);
  CHECK(region->faults().take() == Fault{FaultKind::no_access, 2 * kPage, 2});
  REQUIRE(posix_mmap::protect(*region, 0, kPage, PROT_NONE) == 0);
  CHECK(is_at(last(region, needle), 3 * kPage + 10));
}

TEST_CASE("search: never finds the zeros of a page that was replaced") {
  const testing::Descriptor file = testing::patterned_memfd(4 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 4 * kPage);
  testing::resize(file.get(), 2 * kPage);
  REQUIRE(testing::load(page(region, 2) + 9) == std::byte{0});
  testing::resize(file.get(), 4 * kPage);
  const uint64_t records = region->faults().records();
  const Bytes zeros(3, std::byte{0});
  const Fault fault{FaultKind::truncated, 2 * kPage, 1};
  CHECK(first(region, zeros).fault == fault);
  CHECK(first(region, zeros, 2 * kPage + 7).fault == Fault{fault.kind, 2 * kPage + 7, 1});
  CHECK(is_at(first(region, zeros, 3 * kPage), 3 * kPage));
  CHECK(is_at(last(region, zeros), 4 * kPage - 3));
  CHECK(find_last(*region, 0, 3 * kPage, zeros.data(), 3).fault == fault);
  CHECK(is_at(first(region, testing::pattern_bytes(5, 40)), 5));
  CHECK(region->faults().records() == records);
}

TEST_CASE("search: notifies the listener when it reports a fault") {
  static int notified;
  notified = 0;
  posix_mmap::FaultListener listener{[](posix_mmap::FaultListener*) { ++notified; }};
  const testing::Descriptor file = testing::memfd(0);
  const RegionPtr region = testing::map_file(file.get(), kPage);
  region->listener().store(&listener);
  first(region, bytes_of("x"));
  CHECK(notified == 1);
  last(region, bytes_of("x"));
  CHECK(notified == 2);
  region->listener().store(nullptr);
}
