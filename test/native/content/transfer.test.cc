#include "posix/content/transfer.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <random>
#include <thread>

#include "posix/calls/protection.h"
#include "support/memory.h"

using posix_mmap::copy_in;
using posix_mmap::copy_out;
using testing::Bytes;
using testing::data;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::page;

namespace {

constexpr std::byte kFiller{0xEE};
constexpr Fault kNone{};

Fault out(const testing::RegionPtr& region, uint64_t offset, Bytes& target) {
  return copy_out(*region, offset, target.size(), target.data());
}
Fault in(const testing::RegionPtr& region, uint64_t offset, const Bytes& source) {
  return copy_in(*region, offset, source.size(), source.data());
}

}  // namespace

TEST_CASE("transfer: what is whole goes both ways, from any offset, with and without a lead") {
  for (const uint64_t lead : {uint64_t{0}, uint64_t{3}, uint64_t{kPage - 1}}) {
    const testing::Descriptor file = testing::patterned_memfd(4 * kPage);
    const testing::RegionPtr region =
        testing::map_file(file.get(), 2 * kPage, testing::kReadWrite, MAP_SHARED, lead);
    for (const size_t offset : {size_t{0}, size_t{1}, kPage - 1, kPage, 2 * kPage}) {
      Bytes target(2 * kPage - offset, kFiller);
      CHECK(out(region, offset, target) == kNone);
      CHECK(target == testing::pattern_bytes(lead + offset, target.size()));
    }
    const Bytes source(kPage, std::byte{0x55});
    CHECK(in(region, 5, source) == kNone);
    CHECK(testing::file_bytes(file.get(), lead + 5, kPage) == source);
    CHECK(testing::file_bytes(file.get(), 0, lead + 5) == testing::pattern_bytes(0, lead + 5));
    CHECK(testing::file_bytes(file.get(), lead + 5 + kPage, kPage) ==
          testing::pattern_bytes(lead + 5 + kPage, kPage));
    CHECK(region->faults().peek() == kNone);
  }
}

TEST_CASE("transfer: a copy out of truncated pages says so, and where") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  const testing::RegionPtr region =
      testing::map_file(file.get(), 4 * kPage - 3, testing::kReadWrite, MAP_SHARED, 3);
  const uint64_t edge = 2 * kPage - 3;
  Bytes target(kPage, kFiller);
  CHECK(out(region, edge - 10, target) == Fault{FaultKind::truncated, edge, 1});
  CHECK(std::all_of(target.begin() + 10, target.end(), [](std::byte b) { return b == kFiller; }));
  CHECK(out(region, edge + 77, target) == Fault{FaultKind::truncated, edge + 77, 1});
  CHECK(in(region, edge + 77, target) == Fault{FaultKind::truncated, edge + 77, 1});
  CHECK(in(region, edge - 10, target) == Fault{FaultKind::truncated, edge, 1});
  CHECK_FALSE(region->faults().any_replaced());
  // The region's log has seen all of them, and the first of them first.
  CHECK(region->faults().take() == Fault{FaultKind::truncated, edge, 4});
}

TEST_CASE("transfer: never gives the zeros of a page that was replaced, nor stores into it") {
  const testing::Descriptor file = testing::patterned_memfd(4 * kPage);
  const testing::RegionPtr region = testing::map_file(file.get(), 4 * kPage);
  testing::resize(file.get(), 2 * kPage);
  REQUIRE(testing::load(page(region, 2) + 9) == std::byte{0});
  testing::resize(file.get(), 4 * kPage);
  Bytes target(kPage, kFiller);
  CHECK(out(region, 2 * kPage, target) == Fault{FaultKind::truncated, 2 * kPage, 1});
  CHECK(out(region, 2 * kPage + 100, target) == Fault{FaultKind::truncated, 2 * kPage + 100, 1});
  CHECK(out(region, kPage + 1, target) == Fault{FaultKind::truncated, 2 * kPage, 1});
  CHECK(in(region, kPage + 1, target) == Fault{FaultKind::truncated, 2 * kPage, 1});
  CHECK(target == Bytes(kPage, kFiller));
  CHECK(testing::file_bytes(file.get(), kPage, kPage) == testing::pattern_bytes(kPage, kPage));
  CHECK(out(region, kPage, target) == kNone);
  CHECK(target == testing::pattern_bytes(kPage, kPage));
  CHECK(out(region, 3 * kPage, target) == kNone);
  CHECK(target == Bytes(kPage, std::byte{0}));
  Bytes nothing;
  CHECK(out(region, 2 * kPage + 5, nothing) == kNone);
}

TEST_CASE("transfer: into memory that may only be read, and from memory that may not be") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  const testing::RegionPtr region = testing::map_file(file.get(), 2 * kPage);
  const Bytes source(10, kFiller);
  REQUIRE(posix_mmap::protect(*region, kPage, kPage, PROT_READ) == 0);
  CHECK(in(region, kPage + 4, source) == Fault{FaultKind::read_only, kPage + 4, 1});
  CHECK(in(region, kPage - 4, source) == Fault{FaultKind::read_only, kPage, 1});
  CHECK(testing::file_bytes(file.get(), kPage - 4, 4) == Bytes(4, kFiller));
  REQUIRE(posix_mmap::protect(*region, kPage, kPage, PROT_NONE) == 0);
  Bytes target(10);
  CHECK(out(region, kPage + 1, target) == Fault{FaultKind::no_access, kPage + 1, 1});
  CHECK(in(region, kPage + 1, source) == Fault{FaultKind::no_access, kPage + 1, 1});
  REQUIRE(posix_mmap::protect(*region, kPage, kPage, testing::kReadWrite) == 0);
  CHECK(out(region, kPage + 1, target) == kNone);
  CHECK(target == testing::pattern_bytes(kPage + 1, 10));
}

TEST_CASE("transfer: from another region, as whose fault it is reported") {
  const testing::Descriptor here = testing::patterned_memfd(2 * kPage);
  const testing::Descriptor there = testing::patterned_memfd(2 * kPage);
  const testing::RegionPtr to = testing::map_file(here.get(), 2 * kPage);
  const testing::RegionPtr from = testing::map_file(there.get(), 2 * kPage);
  CHECK(copy_in(*to, 7, kPage, data(from) + 100) == kNone);
  CHECK(testing::file_bytes(here.get(), 7, kPage) == testing::pattern_bytes(100, kPage));
  testing::resize(there.get(), kPage);
  CHECK(copy_in(*to, 0, 50, page(from, 1) + 20) == Fault{FaultKind::truncated, kPage + 20, 1});
  CHECK(copy_in(*to, 0, 50, page(from, 1) - 20) == Fault{FaultKind::truncated, kPage, 1});
  CHECK(to->faults().peek() == kNone);
  REQUIRE(posix_mmap::protect(*to, 0, 2 * kPage, PROT_READ) == 0);
  CHECK(copy_in(*to, 30, 50, data(from)) == Fault{FaultKind::read_only, 30, 1});
}

TEST_CASE("transfer: never takes the zeros of another region's replaced page for data") {
  const testing::Descriptor here = testing::patterned_memfd(kPage);
  const testing::RegionPtr to = testing::map_file(here.get(), kPage);
  const testing::Descriptor there = testing::patterned_memfd(kPage);
  const testing::RegionPtr from = testing::map_file(there.get(), 2 * kPage);
  REQUIRE(testing::load(page(from, 1)) == std::byte{0});
  CHECK(copy_in(*to, 0, 50, page(from, 1) + 20) == Fault{FaultKind::truncated, kPage + 20, 1});
  CHECK(copy_in(*to, 0, 50, page(from, 1) - 20) == Fault{FaultKind::truncated, kPage, 1});
  CHECK(testing::file_bytes(here.get(), 0, kPage) == testing::pattern_bytes(0, kPage));
  CHECK(to->faults().peek() == kNone);
}

TEST_CASE("transfer: neither side can be had, and the one that failed is reported") {
  const testing::Descriptor there = testing::memfd(0);
  const testing::RegionPtr from = testing::map_file(there.get(), kPage);
  const testing::Descriptor here = testing::patterned_memfd(kPage);
  for (const int prot : {PROT_READ, PROT_NONE}) {
    const testing::RegionPtr to = testing::map_file(here.get(), kPage, prot);
    CHECK(copy_in(*to, 0, 16, data(from)).kind != FaultKind::none);
    CHECK(copy_in(*to, 0, 16, data(from)).kind != FaultKind::none);
  }
}

TEST_CASE("transfer: overlapping bytes of one region are moved as memmove does") {
  std::mt19937 random(5);
  const size_t size = 5 * kPage;
  const testing::RegionPtr region = testing::map_anonymous(size);
  Bytes expected = testing::pattern_bytes(0, size);
  REQUIRE(in(region, 0, expected) == kNone);
  for (int round = 0; round < 400; ++round) {
    const size_t from = random() % size;
    // Around the 4 KiB chunks of the copy to higher addresses too.
    const size_t near = random() % 4 == 0 ? 4096 * (random() % 3) : 0;
    const size_t to = random() % 2 == 0 ? random() % size : (from + near + random() % 40) % size;
    const size_t length = random() % (size - std::max(from, to) + 1);
    memmove(expected.data() + to, expected.data() + from, length);
    CHECK(copy_in(*region, to, length, data(region) + from) == kNone);
    if (testing::memory_bytes(data(region), size) != expected) {
      FAIL("from " << from << " to " << to << ", " << length << " bytes");
    }
  }
}

TEST_CASE("transfer: a fault in a move to higher addresses is reported at a page that failed") {
  const testing::Descriptor file = testing::patterned_memfd(8 * kPage);
  const testing::RegionPtr region = testing::map_file(file.get(), 8 * kPage);
  testing::resize(file.get(), 4 * kPage);
  SUBCASE("source and target reach past the end") {
    const Fault fault = copy_in(*region, kPage, 7 * kPage, data(region));
    CHECK(fault.kind == FaultKind::truncated);
    CHECK(fault.offset >= 4 * kPage);
    CHECK(fault.offset < 8 * kPage);
  }
  SUBCASE("only the target reaches past the end") {
    const Fault fault = copy_in(*region, kPage + 1, 4 * kPage - 1, data(region));
    CHECK(fault.kind == FaultKind::truncated);
    CHECK(fault.offset >= 4 * kPage);
    CHECK(fault.offset < 5 * kPage);
  }
  SUBCASE("a read-only page in the middle of the target") {
    REQUIRE(posix_mmap::protect(*region, kPage, kPage, PROT_READ) == 0);
    const Fault fault = copy_in(*region, 100, 3 * kPage, data(region));
    CHECK(fault.kind == FaultKind::read_only);
    CHECK(fault.offset >= kPage);
    CHECK(fault.offset < 2 * kPage);
  }
  SUBCASE("an inaccessible page at the start of the source") {
    REQUIRE(posix_mmap::protect(*region, 0, kPage, PROT_NONE) == 0);
    const Fault fault = copy_in(*region, kPage, 3 * kPage, data(region));
    CHECK(fault.kind == FaultKind::no_access);
    CHECK(fault.offset < kPage);
  }
  CHECK_FALSE(region->faults().any_replaced());
}

TEST_CASE("transfer: a page that another thread replaces at that moment is a fault all the same") {
  constexpr size_t kPages = 60;  // so few that each is replaced alone
  const testing::Descriptor there = testing::patterned_memfd(kPage);
  const testing::RegionPtr from = testing::map_file(there.get(), kPage);
  size_t unnoticed = 0;
  for (int round = 0; round < 150; ++round) {
    const testing::Descriptor file = testing::memfd(0);
    const testing::RegionPtr to = testing::map_file(file.get(), kPages * kPage);
    std::atomic<size_t> turn{0};
    std::thread other([&] {
      for (size_t index = 0; index < kPages; ++index) {
        while (turn.load() <= index) continue;
        testing::store_word(page(to, index) + 64, 1);
      }
    });
    for (size_t index = 0; index < kPages; ++index) {
      turn.store(index + 1);
      unnoticed += copy_in(*to, index * kPage, 16, data(from)).kind != FaultKind::truncated;
    }
    other.join();
  }
  CHECK(unnoticed == 0);
}

TEST_CASE("transfer: which copies onto themselves must begin at their end") {
  const testing::RegionPtr region = testing::map_anonymous(4 * kPage);
  const auto backward = [&](uint64_t to, uint64_t from) {
    return posix_mmap::copies_backward(*region, to, kPage, data(region) + from,
                                       posix_mmap::Direction::in);
  };
  CHECK(backward(1, 0));
  CHECK(backward(kPage - 1, 0));
  CHECK_FALSE(backward(kPage, 0));
  CHECK_FALSE(backward(0, 0));
  CHECK_FALSE(backward(0, 1));
  CHECK_FALSE(backward(0, kPage));
  const auto backward_out = [&](uint64_t from, uint64_t to) {
    return posix_mmap::copies_backward(*region, from, kPage, data(region) + to,
                                       posix_mmap::Direction::out);
  };
  CHECK(backward_out(0, 1));
  CHECK_FALSE(backward_out(0, kPage));
  CHECK_FALSE(backward_out(1, 0));
}
