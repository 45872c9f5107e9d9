#include "posix/faults/fault_repair.h"

#include <sys/mman.h>

#include "posix/calls/protection.h"
#include "support/memory.h"

using posix_mmap::page_readable;
using posix_mmap::page_writable;
using testing::data;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::kReadWrite;
using testing::load;
using testing::page;
using testing::pattern;
using testing::RegionPtr;
using testing::store;

namespace {

void protect(const RegionPtr& region, uint64_t offset, uint64_t length, int prot) {
  REQUIRE(posix_mmap::protect(*region, offset, length, prot) == 0);
}

}  // namespace

TEST_CASE("fault_repair: pages are asked by system calls, which leave them as they are") {
  const testing::Descriptor file = testing::patterned_memfd(kPage);
  const RegionPtr region = testing::map_file(file.get(), 2 * kPage);
  CHECK(page_readable(data(region)));
  CHECK(page_writable(data(region)));
  CHECK_FALSE(page_readable(page(region, 1)));
  CHECK_FALSE(page_writable(page(region, 1)));
  protect(region, 0, 2 * kPage, PROT_READ);
  CHECK(page_readable(data(region)));
  CHECK_FALSE(page_writable(data(region)));
  protect(region, 0, 2 * kPage, PROT_NONE);
  CHECK_FALSE(page_readable(data(region)));
  CHECK_FALSE(page_writable(data(region)));
  CHECK(testing::file_bytes(file.get(), 0, 2 * kPage) == testing::pattern_bytes(0, kPage));
  // A word of zero, for which a futex wait would sleep.
  const RegionPtr zeros = testing::map_anonymous(kPage);
  CHECK(page_readable(data(zeros)));
  CHECK(page_writable(data(zeros)));
  CHECK(region->faults().peek() == Fault{});
}

TEST_CASE("fault_repair: loads beyond the end of the file are zeros, at the offset of the load") {
  for (const uint64_t lead : {uint64_t{0}, uint64_t{3}}) {
    const testing::Descriptor file = testing::patterned_memfd(4 * kPage);
    const RegionPtr region =
        testing::map_file(file.get(), 4 * kPage - lead, PROT_READ, MAP_SHARED, lead);
    testing::resize(file.get(), kPage + 10);
    CHECK(load(data(region) + kPage + 9 - lead) == pattern(kPage + 9));
    // The rest of the last page is zero by mmap(2), and no fault.
    CHECK(load(data(region) + kPage + 10 - lead) == std::byte{0});
    CHECK(region->faults().peek() == Fault{});
    const uint64_t offset = 3 * kPage - lead + 123;
    CHECK(load(data(region) + offset) == std::byte{0});
    CHECK(region->faults().peek() == Fault{FaultKind::truncated, offset, 1});
    CHECK(load(data(region) + offset + 1) == std::byte{0});  // the page is there now
    CHECK(load(data(region) + 2 * kPage) == std::byte{0});
    CHECK(region->faults().take() == Fault{FaultKind::truncated, offset, 2});
    CHECK(region->faults().replaced(1) == FaultKind::none);
    CHECK(region->faults().replaced(2) == FaultKind::truncated);
    CHECK(region->faults().replaced(3) == FaultKind::truncated);
  }
}

TEST_CASE("fault_repair: a fault in the lead of a region is at its offset 0") {
  const testing::Descriptor file = testing::memfd(0);
  const RegionPtr region = testing::map_file(file.get(), kPage, kReadWrite, MAP_SHARED, 100);
  CHECK(load(region->extent().base + 5) == std::byte{0});
  CHECK(region->faults().take() == Fault{FaultKind::truncated, 0, 1});
}

TEST_CASE("fault_repair: stores beyond the end of the file stay in this mapping") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 2 * kPage);
  testing::resize(file.get(), 0);
  store(page(region, 1) + 7, std::byte{42});
  CHECK(load(page(region, 1) + 7) == std::byte{42});
  CHECK(load(page(region, 1) + 8) == std::byte{0});
  CHECK(region->faults().take() == Fault{FaultKind::truncated, kPage + 7, 1});
  testing::resize(file.get(), 2 * kPage);
  CHECK(testing::file_bytes(file.get(), kPage, kPage) == testing::Bytes(kPage));
  CHECK(load(data(region)) == std::byte{0});  // not touched while it was away
  store(data(region), std::byte{1});
  CHECK(testing::file_bytes(file.get(), 0, 1)[0] == std::byte{1});
  CHECK(region->faults().replaced(0) == FaultKind::none);
  CHECK(region->faults().peek() == Fault{});
}

TEST_CASE("fault_repair: a store beyond the end of a read-only mapping's file is one fault") {
  const testing::Descriptor file = testing::memfd(0);
  const RegionPtr region = testing::map_file(file.get(), 2 * kPage, PROT_READ);
  store(page(region, 1) + 7, std::byte{42});
  CHECK(load(page(region, 1) + 7) == std::byte{42});
  const Fault fault = region->faults().take();
  CHECK(fault.kind != FaultKind::none);
  CHECK(fault.offset == kPage + 7);
  CHECK(fault.count == 1);
}

TEST_CASE("fault_repair: a store into a read-only page keeps its content and misses the file") {
  const testing::Descriptor file = testing::patterned_memfd(3 * kPage);
  const auto check = [&](const RegionPtr& region) {
    store(page(region, 1) + 100, std::byte{0});
    CHECK(region->faults().take() == Fault{FaultKind::read_only, kPage + 100, 1});
    testing::Bytes expected = testing::pattern_bytes(0, 3 * kPage);
    expected[kPage + 100] = std::byte{0};
    CHECK(testing::memory_bytes(data(region), 3 * kPage) == expected);
    CHECK(testing::file_bytes(file.get(), 0, 3 * kPage) == testing::pattern_bytes(0, 3 * kPage));
    store(page(region, 1) + 101, std::byte{0});
    CHECK(region->faults().peek() == Fault{});
    CHECK(region->faults().replaced(1) == FaultKind::read_only);
    CHECK(region->faults().replaced(0) == FaultKind::none);
    CHECK(region->faults().replaced(2) == FaultKind::none);
  };
  SUBCASE("mapped for reading") { check(testing::map_file(file.get(), 3 * kPage, PROT_READ)); }
  SUBCASE("made read-only later") {
    const RegionPtr region = testing::map_file(file.get(), 3 * kPage);
    protect(region, 0, 3 * kPage, PROT_READ);
    check(region);
  }
  SUBCASE("one page made read-only") {
    const RegionPtr region = testing::map_file(file.get(), 3 * kPage);
    protect(region, kPage, 1, PROT_READ);
    check(region);
    store(page(region, 2), std::byte{5});
    CHECK(testing::file_bytes(file.get(), 2 * kPage, 1)[0] == std::byte{5});
  }
  SUBCASE("copy-on-write") {
    check(testing::map_file(file.get(), 3 * kPage, PROT_READ, MAP_PRIVATE));
  }
}

TEST_CASE("fault_repair: pages without access are zeros, for loads and for stores") {
  const testing::Descriptor file = testing::patterned_memfd(4 * kPage);
  const auto check = [&](const RegionPtr& region) {
    CHECK(load(page(region, 1) + 1) == std::byte{0});
    store(page(region, 2) + 2, std::byte{9});
    CHECK(load(page(region, 2) + 2) == std::byte{9});
    CHECK(load(page(region, 2) + 3) == std::byte{0});
    store(page(region, 1) + 1, std::byte{8});
    CHECK(region->faults().take() == Fault{FaultKind::no_access, kPage + 1, 2});
    CHECK(testing::file_bytes(file.get(), 0, 4 * kPage) == testing::pattern_bytes(0, 4 * kPage));
  };
  SUBCASE("mapped so") { check(testing::map_file(file.get(), 4 * kPage, PROT_NONE)); }
  SUBCASE("all made so later") {
    const RegionPtr region = testing::map_file(file.get(), 4 * kPage);
    protect(region, 0, 4 * kPage, PROT_NONE);
    check(region);
  }
  SUBCASE("some made so later, and the others still show the file") {
    const RegionPtr region = testing::map_file(file.get(), 4 * kPage);
    protect(region, kPage, 2 * kPage, PROT_NONE);
    check(region);
    CHECK(load(page(region, 3)) == pattern(3 * kPage));
    CHECK(load(page(region, 0)) == pattern(0));
  }
}

TEST_CASE("fault_repair: a page is never taken for read-only that was replaced for a load") {
  const testing::Descriptor file = testing::memfd(0);
  const RegionPtr region = testing::map_file(file.get(), kPage, PROT_READ);
  CHECK(load(data(region)) == std::byte{0});
  store(data(region) + 1, std::byte{3});
  store(data(region) + 2, std::byte{4});
  CHECK(load(data(region) + 1) == std::byte{3});
  CHECK(region->faults().peek().kind == FaultKind::truncated);
  CHECK(region->faults().peek().count == 2);
}

TEST_CASE("fault_repair: many faults cost fewer and fewer kernel mappings") {
  constexpr size_t kPages = 16'384;
  const testing::Descriptor file = testing::memfd(0);
  const RegionPtr region = testing::map_file(file.get(), kPages * kPage);
  const size_t kernel_mappings = testing::count_kernel_mappings();
  size_t wrong = 0;
  // Every other page, from both ends: alone each would be a kernel mapping, and so its neighbour.
  for (size_t index = 0; index < kPages / 2; index += 2) {
    for (const size_t each : {index, kPages - 1 - index}) {
      store(page(region, each), std::byte{1});
      wrong += load(page(region, each)) != std::byte{1};
    }
  }
  for (size_t index = 0; index < kPages / 2; index += 2) {
    wrong += load(page(region, index)) != std::byte{1};
    wrong += load(page(region, kPages - 1 - index)) != std::byte{1};
  }
  CHECK(wrong == 0);
  CHECK(testing::count_kernel_mappings() < kernel_mappings + 4'000);
  CHECK(region->faults().peek().count == region->faults().repairs());
}

TEST_CASE("fault_repair: a page that is replaced takes no page along that is in order") {
  constexpr size_t kPages = 1'024;
  const testing::Descriptor file = testing::memfd(kPages * kPage);
  const RegionPtr region = testing::map_file(file.get(), kPages * kPage);
  int other = kReadWrite;
  FaultKind kind = FaultKind::none;
  SUBCASE("read-only pages among writable ones") {
    other = PROT_READ;
    kind = FaultKind::read_only;
  }
  SUBCASE("inaccessible pages among writable ones") {
    other = PROT_NONE;
    kind = FaultKind::no_access;
  }
  for (size_t index = 0; index < kPages; index += 2) protect(region, index * kPage, kPage, other);
  for (size_t index = 0; index < kPages; index += 2) store(page(region, index), std::byte{1});
  size_t replaced = 0;
  size_t lost = 0;
  for (size_t index = 0; index < kPages; ++index) {
    replaced += region->faults().replaced(index) == kind;
    if (index % 2 == 0) continue;
    store(page(region, index), std::byte{2});
    lost += testing::file_bytes(file.get(), index * kPage, 1)[0] != std::byte{2};
  }
  CHECK(replaced == kPages / 2);
  CHECK(lost == 0);
}
