#include "posix/calls/advice.h"

#include <sys/mman.h>

#include "posix/range_call.h"

namespace posix_mmap {

int advise(const Region& region, uint64_t offset, uint64_t length, int advice,
           Rounding rounding) noexcept {
  return on_pages(region, offset, length, rounding, Splits::yes, [=](PageRange pages) {
    return zero_or_errno(madvise(pages.start, pages.length, advice));
  });
}

bool advice_supported(int advice) noexcept {
  // The kernel checks the value before it looks at the length.
  return madvise(nullptr, 0, advice) == 0;
}

}  // namespace posix_mmap
