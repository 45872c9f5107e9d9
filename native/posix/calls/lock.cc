#include "posix/calls/lock.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include "posix/kernel_constants.h"
#include "posix/range_call.h"

namespace posix_mmap {
namespace {

/// mlock2(2) on a page whose read fails tries again for as long as the process lives (seen with a
/// FUSE server and Linux 6.18), and MADV_POPULATE_READ does not. The limits are asked first, so
/// that nothing is read in for a lock that they forbid.
int lock_and_read_in(PageRange pages) noexcept {
  if (mlock2(pages.start, pages.length, MLOCK_ONFAULT) != 0) return -errno;
  // EINVAL: the kernel is older than 5.14, or the pages may not be read.
  if (madvise(pages.start, pages.length, MADV_POPULATE_READ) == 0 || errno == EINVAL) return 0;
  munlock(pages.start, pages.length);
  return -ENOMEM;  // as mlock2(2) says it
}

}  // namespace

int lock_pages(const Region& region, uint64_t offset, uint64_t length, bool on_fault) noexcept {
  const unsigned flags = on_fault ? MLOCK_ONFAULT : 0;
  const bool read_in = !on_fault && !region.anonymous();
  return on_pages(region, offset, length, Rounding::outward, Splits::yes, [=](PageRange pages) {
    const int result = read_in ? lock_and_read_in(pages) : 0;
    if (result != 0) return result;
    return zero_or_errno(mlock2(pages.start, pages.length, flags));
  });
}

int unlock_pages(const Region& region, uint64_t offset, uint64_t length) noexcept {
  return on_pages(region, offset, length, Rounding::outward, Splits::yes, [](PageRange pages) {
    return zero_or_errno(munlock(pages.start, pages.length));
  });
}

uint64_t lock_limit() noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
  return limit.rlim_cur;
}

}  // namespace posix_mmap
