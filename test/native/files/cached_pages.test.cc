#include "posix/files/cached_pages.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "support/memory.h"

using posix_mmap::count_cached;
using testing::Descriptor;
using testing::kPage;

TEST_CASE("count_cached: counts the pages of a range of a file") {
  constexpr uint64_t kPages = 16;
  // The pages of a memfd that were stored to are in the cache, and those that were not do not
  // exist.
  const Descriptor file = testing::memfd(kPages * kPage);
  const testing::Bytes bytes = testing::pattern_bytes(0, 4 * kPage);
  REQUIRE(pwrite(file.get(), bytes.data(), bytes.size(), 0) == ssize_t(bytes.size()));
  const int64_t found = count_cached(file.get(), 0, 0);
  if (found == -ENOSYS || found == -EPERM) {
    MESSAGE("skipped: the kernel has no cachestat(2), which is of Linux 6.5");
    return;
  }
  CHECK(found == 4);
  CHECK(count_cached(file.get(), 3 * kPage, 5 * kPage) == 1);
  CHECK(count_cached(file.get(), 8 * kPage, kPage) == 0);
}

TEST_CASE("count_cached: returns what the kernel refuses") {
  const int64_t refused = count_cached(-1, 0, 0);
  CHECK(refused < 0);
  const bool is_known = refused != -ENOSYS && refused != -EPERM;
  if (is_known) CHECK(refused == -EBADF);
}

TEST_CASE("count_cached: does not ask where files have their pages elsewhere") {
  // /proc is as unknown as a stacked file system.
  const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  const Descriptor file(fd);
  CHECK(count_cached(file.get(), 0, 0) == -EOPNOTSUPP);
}
