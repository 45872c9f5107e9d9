#include "posix/calls/populate.h"

#include <cerrno>

#include "posix/calls/advice.h"
#include "posix/calls/residency.h"
#include "support/memory.h"

using posix_mmap::populate;
using testing::Fault;
using testing::kPage;
using testing::RegionPtr;

TEST_CASE("populate: pages are there before they are needed, or -EFAULT and no signal") {
  if (!posix_mmap::advice_supported(22 /* MADV_POPULATE_READ */)) {
    MESSAGE("skipped: MADV_POPULATE_READ came with Linux 5.14");
    return;
  }
  const testing::Descriptor file = testing::memfd(4 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 6 * kPage);
  std::vector<unsigned char> bitmap(4);
  CHECK(populate(*region, 2 * kPage - 1, 2, true) == 0);
  CHECK(posix_mmap::residency(*region, 0, 4 * kPage, bitmap.data()) == 2);
  CHECK(bitmap == std::vector<unsigned char>{0, 1, 1, 0});
  CHECK(populate(*region, 0, 4 * kPage, false) == 0);
  CHECK(populate(*region, 0, 5 * kPage, false) == -EFAULT);
  CHECK(populate(*region, 4 * kPage, 1, true) == -EFAULT);
  CHECK(populate(*region, 0, 6 * kPage + 1, false) == -ERANGE);
  CHECK(region->faults().peek() == Fault{});
  CHECK_FALSE(region->faults().any_replaced());
}
