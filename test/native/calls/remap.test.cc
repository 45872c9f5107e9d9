#include "posix/calls/remap.h"

#include <cerrno>

#include "posix/calls/advice.h"
#include "posix/calls/guard_pages.h"
#include "posix/calls/protection.h"
#include "posix/kernel_constants.h"
#include "posix/region/region_table.h"
#include "support/memory.h"

using posix_mmap::live_regions;
using posix_mmap::region_table_find;
using posix_mmap::remap_region;
using testing::data;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::kReadWrite;
using testing::page;
using testing::Region;
using testing::RegionPtr;

namespace {

RegionPtr remap(const RegionPtr& region, uint64_t length) {
  RegionPtr moved;
  REQUIRE(remap_region(*region, length, moved) == 0);
  return moved;
}

int try_remap(const RegionPtr& region, uint64_t length) {
  RegionPtr moved;
  const size_t live = live_regions();
  const int result = remap_region(*region, length, moved);
  CHECK_FALSE(moved);
  CHECK(live_regions() == live);
  return result;
}

}  // namespace

TEST_CASE("remap_region: of shared pages shows the same file at other addresses") {
  const testing::Descriptor file = testing::patterned_memfd(4 * kPage);
  const RegionPtr old = testing::map_file(file.get(), kPage + 5, kReadWrite, MAP_SHARED, 3);
  const RegionPtr longer = remap(old, 3 * kPage);
  CHECK(data(longer) != data(old));
  CHECK(longer->extent().lead == 3);
  CHECK(testing::memory_bytes(data(longer), 3 * kPage) == testing::pattern_bytes(3, 3 * kPage));
  testing::store(data(longer), std::byte{0x77});
  CHECK(testing::load(data(old)) == std::byte{0x77});
  CHECK(region_table_find(data(old)) == old.get());
  CHECK(region_table_find(data(longer) + 3 * kPage - 1) == longer.get());
  REQUIRE(posix_mmap::protect(*longer, 0, 3 * kPage, PROT_READ) == 0);
  longer->faults().record(FaultKind::no_access, 5);
  const RegionPtr shorter = remap(longer, 1);
  CHECK(shorter->uniform_protection() == PROT_READ);
  CHECK(shorter->faults().peek() == Fault{FaultKind::no_access, 5, 1});
  CHECK(shorter->extent().mapped_length == kPage);
  CHECK(testing::load(data(shorter)) == std::byte{0x77});
  CHECK(remap(longer, 0)->extent().mapped_length == 0);
}

TEST_CASE("remap_region: moves private anonymous pages and leaves no hole behind") {
  const RegionPtr old = testing::map_anonymous(3 * kPage);
  for (size_t index = 0; index < 3; ++index) testing::store_word(page(old, index), index + 1);
  const RegionPtr longer = remap(old, 6 * kPage);
  for (size_t index = 0; index < 6; ++index) {
    CHECK(testing::load_word(page(longer, index)) == (index < 3 ? index + 1 : 0));
    testing::store_word(page(longer, index) + 8, 1);
  }
  for (size_t index = 0; index < 3; ++index) CHECK(testing::load_word(page(old, index)) == 0);
  const RegionPtr shorter = remap(longer, 2 * kPage);
  CHECK(testing::load_word(page(shorter, 1)) == 2);
  CHECK(longer->faults().peek() == Fault{});
}

TEST_CASE("remap_region: refuses what would leave a hole, and nothing has changed") {
  const testing::Descriptor file = testing::patterned_memfd(4 * kPage);
  const size_t kernel_mappings = testing::count_kernel_mappings();
  {
    const RegionPtr anonymous = testing::map_anonymous(kPage, kReadWrite, MAP_SHARED);
    testing::store(data(anonymous), std::byte{1});
    CHECK(try_remap(anonymous, 2 * kPage) == -EINVAL);
    CHECK(testing::load(data(anonymous)) == std::byte{1});
    const RegionPtr copied = testing::map_file(file.get(), kPage, kReadWrite, MAP_PRIVATE);
    CHECK(try_remap(copied, 2 * kPage) == -EINVAL);
    CHECK(try_remap(testing::map_anonymous(0), kPage) == -EINVAL);
    const RegionPtr shared = testing::map_file(file.get(), kPage, kReadWrite, MAP_SHARED, 3);
    CHECK(try_remap(shared, UINT64_MAX) == -EOVERFLOW);
    CHECK(try_remap(shared, uint64_t{1} << 60) == -ENOMEM);
  }
  CHECK(testing::count_kernel_mappings() == kernel_mappings);
}

TEST_CASE("remap_region: every page keeps its protection and its guard") {
  const testing::Descriptor file = testing::patterned_memfd(12 * kPage);
  const bool guards = posix_mmap::advice_supported(MADV_GUARD_INSTALL);
  for (const int flags : {MAP_PRIVATE, MAP_SHARED}) {
    CAPTURE(flags);
    const auto map = [&](size_t pages) {
      return flags == MAP_SHARED ? testing::map_file(file.get(), pages * kPage)
                                 : testing::map_anonymous(pages * kPage);
    };
    RegionPtr region = map(6);
    for (size_t index = 0; index < 6; ++index) testing::store_word(page(region, index), index + 1);
    REQUIRE(posix_mmap::protect(*region, kPage, kPage, PROT_READ) == 0);
    REQUIRE(posix_mmap::protect(*region, 3 * kPage, kPage, PROT_NONE) == 0);
    REQUIRE(posix_mmap::protect(*region, 5 * kPage, kPage, PROT_READ) == 0);
    if (guards) REQUIRE(posix_mmap::install_guard(*region, 4 * kPage, kPage) == 0);
    for (const size_t pages : {8, 6, 9}) region = remap(region, pages * kPage);
    CHECK(region->uniform_protection() == Region::kMixed);
    CHECK(testing::load_word(page(region, 0)) == 1);
    CHECK(testing::load_word(page(region, 2)) == 3);
    CHECK(testing::load_word(page(region, 1)) == 2);
    CHECK(region->faults().peek() == Fault{});
    const auto fault_of_store = [&](size_t index) {
      testing::store(page(region, index), std::byte{1});
      return region->faults().take().kind;
    };
    CHECK(fault_of_store(2) == FaultKind::none);
    CHECK(fault_of_store(1) == FaultKind::read_only);
    CHECK(fault_of_store(3) == FaultKind::no_access);
    CHECK(fault_of_store(4) == (guards ? FaultKind::no_access : FaultKind::none));
    CHECK(fault_of_store(5) == FaultKind::read_only);
    CHECK(fault_of_store(8) == FaultKind::read_only);  // as the page before it
  }
}

TEST_CASE("remap_region: what is alike again is moved as before") {
  for (const int flags : {MAP_PRIVATE, MAP_SHARED}) {
    const RegionPtr region = testing::map_anonymous(3 * kPage, kReadWrite, flags);
    REQUIRE(posix_mmap::protect(*region, kPage, kPage, PROT_NONE) == 0);
    REQUIRE(posix_mmap::protect(*region, 0, 2 * kPage, kReadWrite) == 0);
    CHECK(region->uniform_protection() == kReadWrite);
    CHECK(remap(region, 2 * kPage)->uniform_protection() == kReadWrite);
  }
}

TEST_CASE("remap_region: private pages are moved that many calls have cut into pieces") {
  constexpr size_t kPages = 600;
  RegionPtr region = testing::map_anonymous(kPages * kPage);
  for (size_t index = 0; index < kPages; ++index) testing::store_word(page(region, index), index);
  for (size_t index = 0; index < kPages; index += 3) {
    REQUIRE(posix_mmap::advise(*region, index * kPage, kPage, MADV_DONTFORK) == 0);
  }
  REQUIRE(posix_mmap::protect(*region, 100 * kPage, 50 * kPage, PROT_NONE) == 0);
  testing::store_word(page(region, 120), 7);
  CHECK(region->faults().take().kind == FaultKind::no_access);
  region = remap(region, 700 * kPage);
  size_t wrong = 0;
  for (size_t index = 0; index < 700; ++index) {
    if (index >= 100 && index < 150) continue;
    wrong += testing::load_word(page(region, index)) != (index < kPages ? index : 0);
  }
  CHECK(wrong == 0);
  CHECK(region->faults().peek() == Fault{});
  CHECK(testing::load_word(page(region, 120)) == 7);
  CHECK(region->faults().replaced(120) == FaultKind::no_access);
  CHECK(region->faults().replaced(121) == FaultKind::none);
  CHECK(posix_mmap::protect(*region, 100 * kPage, 50 * kPage, kReadWrite) == 0);
  CHECK(testing::load_word(page(region, 149)) == 149);
}

TEST_CASE("remap_region: of a region with a replaced page never passes its bytes for the file's") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  for (const size_t lost : {size_t{0}, size_t{1}}) {
    const RegionPtr region = testing::map_file(file.get(), 2 * kPage, PROT_READ);
    testing::store(page(region, lost), std::byte{0});
    REQUIRE(region->faults().replaced(lost) == FaultKind::read_only);
    RegionPtr moved;
    const int result = remap_region(*region, 2 * kPage, moved);
    if (result == 0) {
      CHECK(testing::memory_bytes(moved->extent().data(), 2 * kPage) ==
            testing::pattern_bytes(0, 2 * kPage));
    } else {
      CHECK(result < 0);
      CHECK(testing::load(page(region, 1 - lost)) == testing::pattern((1 - lost) * kPage));
    }
  }
}
