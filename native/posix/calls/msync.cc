#include "posix/calls/msync.h"

#include <sys/mman.h>

#include "posix/range_call.h"

namespace posix_mmap {

int sync(const Region& region, uint64_t offset, uint64_t length, int flags) noexcept {
  return on_pages(region, offset, length, Rounding::outward, Splits::no, [=](PageRange pages) {
    return zero_or_errno(msync(pages.start, pages.length, flags));
  });
}

}  // namespace posix_mmap
