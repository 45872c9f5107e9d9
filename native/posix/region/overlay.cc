#include "posix/region/overlay.h"

#include <sys/mman.h>

#include <cerrno>

#include "posix/region/map_budget.h"

namespace posix_mmap {

int overlay_region(const Region& region, std::byte* target) noexcept {
  const Extent& extent = region.extent();
  const bool plain = region.shared() && !region.anonymous() && extent.lead == 0 &&
                     region.uniform_protection() == (PROT_READ | PROT_WRITE) &&
                     !region.faults().any_replaced();
  if (!plain || offset_in_page(target) != 0) return -EINVAL;
  const int refused = map_budget_ask(2);
  if (refused != 0) return refused;
  constexpr int kFlags = MREMAP_MAYMOVE | MREMAP_FIXED;
  if (mremap(extent.base, 0, extent.mapped_length, kFlags, target) != MAP_FAILED) return 0;
  const int error = errno;
  // The kernel may have unmapped what was there already, and its owner will use the addresses.
  return overlay_zeros(target, extent.mapped_length) == 0 ? -error : -EFAULT;
}

int overlay_zeros(std::byte* target, size_t length) noexcept {
  uint64_t whole = 0;
  if (!round_up_to_page(length, whole)) return -EOVERFLOW;
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  void* zeros = mmap(target, whole, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (zeros != MAP_FAILED) return 0;
  const int error = errno;
  // Here too. Somebody else's mapping would come to be in the gap, and its owner would unmap it
  // later as its own. What may only be read takes nothing from the memory that may be promised.
  zeros = mmap(target, whole, PROT_READ, kFlags, -1, 0);
  return zeros != MAP_FAILED ? -error : -EFAULT;
}

}  // namespace posix_mmap
