#include "posix/calls/populate.h"

#include "posix/kernel_constants.h"
#include "posix/range_call.h"

namespace posix_mmap {

int populate(const Region& region, uint64_t offset, uint64_t length, bool write) noexcept {
  const int advice = write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
  return on_pages(region, offset, length, Rounding::outward, Splits::no, [=](PageRange pages) {
    return zero_or_errno(madvise(pages.start, pages.length, advice));
  });
}

}  // namespace posix_mmap
