#include "posix/files/cache_statistics.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "support/memory.h"

using posix_mmap::cache_statistics;
using posix_mmap::CacheStatistics;
using testing::Descriptor;
using testing::kPage;

TEST_CASE("cache_statistics: counts the pages of a range of a file") {
  constexpr uint64_t kPages = 16;
  // The pages of a memfd that were stored to are in the cache, and those that were not do not
  // exist.
  const Descriptor file = testing::memfd(kPages * kPage);
  const testing::Bytes bytes = testing::pattern_bytes(0, 4 * kPage);
  REQUIRE(pwrite(file.get(), bytes.data(), bytes.size(), 0) == ssize_t(bytes.size()));
  CacheStatistics found{};
  const int refused = cache_statistics(file.get(), 0, 0, found);
  if (refused == -ENOSYS || refused == -EPERM) {
    MESSAGE("skipped: the kernel has no cachestat(2), which is of Linux 6.5");
    return;
  }
  REQUIRE(refused == 0);
  CHECK(found.cached == 4);
  CHECK(cache_statistics(file.get(), 3 * kPage, 5 * kPage, found) == 0);
  CHECK(found.cached == 1);
  CHECK(cache_statistics(file.get(), 8 * kPage, kPage, found) == 0);
  CHECK(found.cached == 0);
}

TEST_CASE("cache_statistics: returns what the kernel refuses") {
  CacheStatistics found{};
  const int refused = cache_statistics(-1, 0, 0, found);
  const bool is_known = refused != -ENOSYS && refused != -EPERM;
  if (is_known) CHECK(refused == -EBADF);
  CHECK(found.cached == 0);
}

TEST_CASE("cache_statistics: does not ask where files have their pages elsewhere") {
  // /proc is as unknown as a stacked file system.
  const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  const Descriptor file(fd);
  CacheStatistics found{};
  CHECK(cache_statistics(file.get(), 0, 0, found) == -EOPNOTSUPP);
}
