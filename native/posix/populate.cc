#include "populate.h"

#include <sys/mman.h>

#include "advice.h"

// glibc 2.28's headers, which the prebuilt binaries are meant to suit, are older than Linux 5.14.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

namespace posix_mmap {

int populate(const Region& region, uint64_t offset, uint64_t length, bool write) noexcept {
  return advise(region, offset, length, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
}

}  // namespace posix_mmap
