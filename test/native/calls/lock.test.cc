#include "posix/calls/lock.h"

#include <sys/resource.h>

#include <cerrno>

#include "posix/calls/msync.h"
#include "posix/calls/residency.h"
#include "support/child.h"
#include "support/memory.h"
#include "support/variant.h"

using posix_mmap::lock_pages;
using posix_mmap::unlock_pages;
using testing::kPage;
using testing::RegionPtr;

TEST_CASE("lock_pages: reads pages in, or waits for the touch with on_fault") {
  if (testing::kSanitized) {
    MESSAGE("skipped: the sanitizers make munlock(2) do nothing");
    return;
  }
  if (posix_mmap::lock_limit() < 8 * kPage) {
    MESSAGE("skipped: RLIMIT_MEMLOCK is too low");
    return;
  }
  const testing::Descriptor file = testing::memfd(4 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 4 * kPage);
  std::vector<unsigned char> bitmap(4);
  CHECK(lock_pages(*region, 0, 4 * kPage, true) == 0);
  CHECK(posix_mmap::residency(*region, 0, 4 * kPage, bitmap.data()) == 0);
  CHECK(lock_pages(*region, 2 * kPage - 1, 2, false) == 0);
  CHECK(posix_mmap::residency(*region, 0, 4 * kPage, bitmap.data()) == 2);
  // Locked pages are what MS_INVALIDATE refuses, and no others.
  CHECK(posix_mmap::sync(*region, 0, kPage, MS_ASYNC | MS_INVALIDATE) == -EBUSY);
  CHECK(unlock_pages(*region, 0, 1) == 0);
  CHECK(posix_mmap::sync(*region, 0, kPage, MS_ASYNC | MS_INVALIDATE) == 0);
  CHECK(posix_mmap::sync(*region, kPage, 1, MS_ASYNC | MS_INVALIDATE) == -EBUSY);
  CHECK(lock_pages(*region, 0, 4 * kPage + 1, false) == -ERANGE);
  CHECK(unlock_pages(*region, 4 * kPage, 1) == -ERANGE);
}

TEST_CASE("lock_limit: RLIMIT_MEMLOCK as it is now") {
  testing::in_child([] {
    rlimit limit{};
    CHILD_CHECK(getrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    const bool none = limit.rlim_cur == RLIM_INFINITY;
    CHILD_CHECK(posix_mmap::lock_limit() == (none ? UINT64_MAX : limit.rlim_cur));
    limit.rlim_cur = 4'096;
    CHILD_CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    CHILD_CHECK(posix_mmap::lock_limit() == 4'096);
  });
}
