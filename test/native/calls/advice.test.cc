#include "posix/calls/advice.h"

#include <unistd.h>

#include <cerrno>

#include "support/memory.h"

using posix_mmap::advise;
using posix_mmap::Rounding;
using testing::Fault;
using testing::kPage;
using testing::load;
using testing::page;
using testing::RegionPtr;

TEST_CASE("advise: every page that the range touches, or only those that it fills") {
  const RegionPtr region = testing::map_anonymous(4 * kPage);
  const auto fill = [&] {
    for (size_t index = 0; index < 4; ++index) testing::store(page(region, index), std::byte{1});
  };
  // MADV_DONTNEED, because its effect shows.
  fill();
  CHECK(advise(*region, 2 * kPage - 1, 2, MADV_DONTNEED) == 0);
  for (size_t index = 0; index < 4; ++index) {
    CHECK((load(page(region, index)) == std::byte{0}) == (index == 1 || index == 2));
  }
  fill();
  CHECK(advise(*region, kPage - 1, 2 * kPage, MADV_DONTNEED, Rounding::inward) == 0);
  for (size_t index = 0; index < 4; ++index) {
    CHECK((load(page(region, index)) == std::byte{0}) == (index == 1));
  }
  CHECK(advise(*region, kPage + 1, kPage, MADV_DONTNEED, Rounding::inward) == 0);
  CHECK(load(page(region, 2)) == std::byte{1});
  CHECK(region->faults().peek() == Fault{});
}

TEST_CASE("advise: -ERANGE outside, the kernel's errno for what it does not know") {
  const RegionPtr region = testing::map_anonymous(kPage);
  CHECK(advise(*region, 0, kPage, MADV_SEQUENTIAL) == 0);
  CHECK(advise(*region, 0, kPage, 9'999) == -EINVAL);
  CHECK(advise(*region, 0, kPage + 1, MADV_SEQUENTIAL) == -ERANGE);
  CHECK(advise(*region, UINT64_MAX, 1, MADV_SEQUENTIAL) == -ERANGE);
  CHECK(advise(*region, kPage, 1, MADV_DONTNEED, Rounding::inward) == -ERANGE);
  CHECK(posix_mmap::advice_supported(MADV_SEQUENTIAL));
  CHECK_FALSE(posix_mmap::advice_supported(9'999));
}
