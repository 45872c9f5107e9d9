#include "posix/calls/remap.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "posix/calls/map.h"
#include "posix/kernel_constants.h"
#include "posix/region/map_budget.h"

namespace posix_mmap {
namespace {

int move_pages(const Region& region, std::byte* target, size_t length) noexcept {
  std::byte* const base = region.extent().base;
  const size_t old_length = region.extent().mapped_length;
  const int protection = region.uniform_protection();
  if (protection == Region::kMixed) return -EINVAL;  // the pages are several VMAs
  if (region.shared()) {
    if (region.anonymous() && length > old_length) return -EINVAL;
    // An old length of 0 maps the same pages once more and leaves the old addresses taken.
    void* moved = mremap(base, 0, length, MREMAP_MAYMOVE | MREMAP_FIXED, target);
    return moved != MAP_FAILED ? 0 : -errno;
  }
  if (!region.anonymous()) return -EINVAL;
  // Only MREMAP_DONTUNMAP leaves no hole at the old addresses, into which another thread could map
  // while requests in flight still use them. The call is made by syscall(2), because glibc 2.36's
  // mremap(3) drops the new address when this flag is set.
  const size_t kept = length < old_length ? length : old_length;
  constexpr unsigned kFlags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
  if (length > old_length && mprotect(target + old_length, length - old_length, protection) != 0) {
    return -errno;
  }
  return syscall(SYS_mremap, base, kept, kept, kFlags, target) != -1 ? 0 : -errno;
}

}  // namespace

int remap_region(Region& region, uint64_t length, RegionUser& out) noexcept {
  const Extent& old = region.extent();
  Extent extent;
  if (length > 0) {
    if (old.mapped_length == 0) return -EINVAL;
    if (!covering_pages(old.lead, length, extent)) return -EOVERFLOW;
    if (!map_budget_take(1)) return -ENOMEM;
    void* target = reserve_addresses(extent.mapped_length);
    if (target == MAP_FAILED) return -errno;
    extent.base = static_cast<std::byte*>(target);
    const int moved = move_pages(region, extent.base, extent.mapped_length);
    if (moved != 0) {
      munmap(extent.base, extent.mapped_length);
      return moved;
    }
  }
  const int adopted =
      Region::adopt(extent, region.uniform_protection(), region.flags(), region.file(), out);
  if (adopted == 0) out->inherit(region);
  return adopted;
}

}  // namespace posix_mmap
