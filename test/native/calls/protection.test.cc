#include "posix/calls/protection.h"

#include <fcntl.h>

#include <cerrno>
#include <string>

#include "support/memory.h"

using posix_mmap::protect;
using testing::data;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::kReadWrite;
using testing::page;
using testing::Region;
using testing::RegionPtr;

TEST_CASE("protect: acts on every page that the range touches, and on no other") {
  const testing::Descriptor file = testing::patterned_memfd(6 * kPage);
  for (const uint64_t lead : {uint64_t{0}, uint64_t{3}}) {
    const RegionPtr region =
        testing::map_file(file.get(), 5 * kPage - lead, kReadWrite, MAP_SHARED, lead);
    // The last byte of page 1 to the first of page 3.
    REQUIRE(protect(*region, 2 * kPage - 1 - lead, kPage + 2, PROT_NONE) == 0);
    for (size_t index = 0; index < 5; ++index) {
      std::byte* const start = region->extent().base + index * kPage;
      const bool closed = index >= 1 && index <= 3;
      CHECK((testing::load(start) == testing::pattern(index * kPage)) == !closed);
      CHECK(region->faults().replaced(index) == (closed ? FaultKind::no_access : FaultKind::none));
    }
  }
}

TEST_CASE("protect: knows whether all pages are alike") {
  const testing::Descriptor file = testing::memfd(3 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 3 * kPage - 5, PROT_READ);
  CHECK(region->uniform_protection() == PROT_READ);
  CHECK(protect(*region, 0, 10, PROT_READ) == 0);
  CHECK(region->uniform_protection() == PROT_READ);
  CHECK(protect(*region, 0, 10, PROT_NONE) == 0);
  CHECK(region->uniform_protection() == Region::kMixed);
  // Every page is touched, though not every byte.
  CHECK(protect(*region, 1, 2 * kPage, PROT_NONE) == 0);
  CHECK(region->uniform_protection() == PROT_NONE);
  CHECK(protect(*region, 5, 0, kReadWrite) == 0);
  CHECK(region->uniform_protection() == PROT_NONE);
}

TEST_CASE("protect: what the kernel refuses is its errno, and then nothing is taken for granted") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  const testing::Descriptor readable(
      open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDONLY | O_CLOEXEC));
  const RegionPtr region = testing::map_file(readable.get(), 2 * kPage, PROT_READ);
  CHECK(protect(*region, 0, 2 * kPage, kReadWrite) == -EACCES);
  CHECK(region->uniform_protection() == Region::kMixed);
  CHECK(protect(*region, 0, 2 * kPage + 1, PROT_NONE) == -ERANGE);
  CHECK(protect(*region, UINT64_MAX, 1, PROT_NONE) == -ERANGE);
  CHECK(testing::load(data(region)) == testing::pattern(0));
  CHECK(region->faults().peek() == Fault{});
  testing::store(page(region, 1), std::byte{0});
  CHECK(region->faults().peek() == Fault{FaultKind::read_only, kPage, 1});
  CHECK(testing::file_bytes(file.get(), kPage, 1)[0] == testing::pattern(kPage));
}

TEST_CASE("protect: pages shut and opened again show what they held") {
  const RegionPtr region = testing::map_anonymous(2 * kPage);
  testing::store(page(region, 1), std::byte{6});
  CHECK(protect(*region, kPage, kPage, PROT_NONE) == 0);
  CHECK(protect(*region, 0, 2 * kPage, kReadWrite) == 0);
  CHECK(testing::load(page(region, 1)) == std::byte{6});
  testing::store(page(region, 1), std::byte{7});
  CHECK(region->faults().peek() == Fault{});
}
