// mmap(2): makes regions.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

struct MapRequest {
  int fd = -1;
  uint64_t offset = 0;  ///< in the file; need not be a multiple of the page size
  uint64_t length = 0;
  int prot = 0;
  int flags = 0;
  uint64_t address = 0;        ///< a wish, as mmap(2) takes it; 0 for none
  bool huge_pages = false;     ///< place it so that huge pages can be used
  FileIdentity file = {};      ///< of fstat(2) for `fd`, if the caller has asked already
  bool keeps_size = false;     ///< the file is sealed against shrinking
  bool lends_fd = false;       ///< `fd` stays open, and may be asked for the size of the file later
  const char* path = nullptr;  ///< by which the file can be asked for
  uint64_t mirrored = 0;       ///< so many last bytes once more, behind the others; whole pages
};

/// mmap(2) — a new region for its first user, or -errno. The fault guard is in force
/// before the first byte can be touched.
int map_region(const MapRequest& request, RegionUser& out) noexcept;

/// mmap(2) — a new region in place of an empty one, with the same flags and protection.
int map_region_again(const Region& empty, int fd, uint64_t offset, uint64_t length,
                     RegionUser& out) noexcept;

/// mmap(2) — addresses that are taken and have no memory, or MAP_FAILED.
void* reserve_addresses(size_t length) noexcept;

}  // namespace posix_mmap
