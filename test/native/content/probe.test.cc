#include "posix/content/probe.h"

#include "posix/calls/protection.h"
#include "support/memory.h"

using posix_mmap::Access;
using posix_mmap::find_lost;
using posix_mmap::probe;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::page;
using testing::RegionPtr;

TEST_CASE("probe: says which page of a range cannot be had, and leaves it alone") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 4 * kPage - 3, PROT_READ, MAP_SHARED, 3);
  const uint64_t edge = 2 * kPage - 3;
  CHECK(probe(*region, 0, edge) == Fault{});
  CHECK(probe(*region, edge, 0) == Fault{});
  CHECK(probe(*region, 5, edge - 4) == Fault{FaultKind::truncated, edge, 1});
  CHECK(probe(*region, 0, 4 * kPage - 3) == Fault{FaultKind::truncated, edge, 1});
  CHECK(region->faults().take() == Fault{FaultKind::truncated, edge, 2});
  CHECK_FALSE(region->faults().any_replaced());
}

TEST_CASE("probe: a page that was replaced cannot be had either") {
  const testing::Descriptor file = testing::memfd(0);
  const RegionPtr region = testing::map_file(file.get(), 3 * kPage);
  REQUIRE(testing::load(page(region, 1)) == std::byte{0});
  testing::resize(file.get(), 3 * kPage);
  CHECK(probe(*region, 0, kPage) == Fault{});
  CHECK(probe(*region, 0, 3 * kPage) == Fault{FaultKind::truncated, kPage, 1});
  CHECK(region->faults().take().count == 1);
}

TEST_CASE("find_lost: tells what the file has lost from what is protected, and from nothing") {
  const testing::Descriptor file = testing::patterned_memfd(4 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 4 * kPage);
  CHECK(find_lost(*region, 0, 4 * kPage, Access::write) == Fault{});
  REQUIRE(posix_mmap::protect(*region, kPage, kPage, PROT_READ) == 0);
  CHECK(find_lost(*region, 0, 4 * kPage, Access::read) == Fault{});
  CHECK(find_lost(*region, 0, 4 * kPage, Access::write).kind == FaultKind::read_only);
  CHECK(region->faults().take() == Fault{});
  testing::resize(file.get(), kPage);
  CHECK(find_lost(*region, 0, 4 * kPage, Access::read) == Fault{FaultKind::truncated, kPage, 1});
  CHECK(region->faults().take().count == 1);
  testing::resize(file.get(), 4 * kPage);
  CHECK(find_lost(*region, 0, 4 * kPage, Access::read) == Fault{});
}
