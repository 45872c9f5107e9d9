#include "posix/calls/guard_pages.h"

#include <cerrno>

#include "posix/calls/advice.h"
#include "support/memory.h"

using posix_mmap::install_guard;
using posix_mmap::remove_guard;
using testing::data;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::load;
using testing::page;
using testing::RegionPtr;

namespace {

bool no_guard_pages() {
  if (posix_mmap::advice_supported(102 /* MADV_GUARD_INSTALL */)) return false;
  MESSAGE("skipped: guard pages came with Linux 6.13");
  const RegionPtr region = testing::map_anonymous(kPage);
  CHECK(install_guard(*region, 0, kPage) == -EINVAL);
  return true;
}

}  // namespace

TEST_CASE("guard_pages: a guard is a fault without access, on the pages that the range fills") {
  if (no_guard_pages()) return;
  const RegionPtr region = testing::map_anonymous(6 * kPage);
  for (size_t index = 0; index < 6; ++index) testing::store(page(region, index), std::byte{5});
  REQUIRE(install_guard(*region, kPage + 1, 3 * kPage) == 0);
  for (const size_t index : {0, 1, 4, 5}) CHECK(load(page(region, index)) == std::byte{5});
  CHECK(region->faults().peek() == Fault{});
  CHECK(load(page(region, 2) + 3) == std::byte{0});
  CHECK(region->faults().peek() == Fault{FaultKind::no_access, 2 * kPage + 3, 1});
  testing::store(page(region, 3) + 4, std::byte{9});
  CHECK(load(page(region, 3) + 4) == std::byte{9});
  CHECK(region->faults().take().count == 2);
  CHECK(region->faults().replaced(1) == FaultKind::none);
  CHECK(region->faults().replaced(2) == FaultKind::no_access);
}

TEST_CASE("guard_pages: removed before they were touched they were never there") {
  if (no_guard_pages()) return;
  const RegionPtr region = testing::map_anonymous(3 * kPage);
  REQUIRE(install_guard(*region, 0, 3 * kPage) == 0);
  REQUIRE(remove_guard(*region, kPage, 2 * kPage) == 0);
  testing::store(page(region, 1), std::byte{4});
  CHECK(load(page(region, 1)) == std::byte{4});
  CHECK(region->faults().peek() == Fault{});
  CHECK(load(page(region, 0)) == std::byte{0});
  CHECK(region->faults().peek() == Fault{FaultKind::no_access, 0, 1});
}

TEST_CASE("guard_pages: over a file, whose bytes are back when the guard is gone") {
  if (no_guard_pages()) return;
  const testing::Descriptor file = testing::patterned_memfd(3 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 3 * kPage);
  const int installed = install_guard(*region, kPage, kPage);
  if (installed != 0) {
    CHECK(installed == -EINVAL);  // guards over files came with Linux 6.15
    return;
  }
  REQUIRE(remove_guard(*region, kPage, kPage) == 0);
  CHECK(load(page(region, 1)) == testing::pattern(kPage));
  REQUIRE(install_guard(*region, kPage, kPage) == 0);
  testing::store(page(region, 1), std::byte{0});
  CHECK(region->faults().peek() == Fault{FaultKind::no_access, kPage, 1});
  CHECK(testing::file_bytes(file.get(), 0, 3 * kPage) == testing::pattern_bytes(0, 3 * kPage));
}

TEST_CASE("guard_pages: ranges outside are -ERANGE") {
  const RegionPtr region = testing::map_anonymous(kPage);
  CHECK(install_guard(*region, 1, kPage) == -ERANGE);
  CHECK(remove_guard(*region, UINT64_MAX, 1) == -ERANGE);
  testing::store(data(region), std::byte{1});
  CHECK(region->faults().peek() == Fault{});
}
