#include "posix/calls/msync.h"

#include <cerrno>

#include "support/memory.h"

using posix_mmap::sync;
using testing::kPage;

TEST_CASE("sync: takes any range inside, and says what the kernel says of flags") {
  const testing::Descriptor file = testing::memfd(3 * kPage);
  const testing::RegionPtr region =
      testing::map_file(file.get(), 2 * kPage, testing::kReadWrite, MAP_SHARED, 3);
  testing::store(testing::data(region) + 7, std::byte{1});
  CHECK(sync(*region, 7, 1, MS_SYNC) == 0);
  CHECK(sync(*region, 0, 2 * kPage, MS_ASYNC) == 0);
  CHECK(sync(*region, 2 * kPage, 0, MS_SYNC) == 0);
  CHECK(sync(*region, 0, kPage, MS_SYNC | MS_ASYNC) == -EINVAL);
  CHECK(sync(*region, 0, 2 * kPage + 1, MS_SYNC) == -ERANGE);
  CHECK(sync(*region, UINT64_MAX, 2, MS_SYNC) == -ERANGE);
  CHECK(testing::file_bytes(file.get(), 10, 1)[0] == std::byte{1});
}
