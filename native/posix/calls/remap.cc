#include "posix/calls/remap.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "posix/calls/map.h"
#include "posix/faults/fault_repair.h"
#include "posix/kernel_constants.h"
#include "posix/region/map_budget.h"

namespace posix_mmap {
namespace {

/// Gives pages at `target` the protections that pages of the region have. The kernel gave all of
/// them that of the first.
int protect_alike(const Region& region, std::byte* target, size_t pages) noexcept {
  const PageProtections& protections = region.protections();
  for (size_t index = 0; index < protections.count(); ++index) {
    const PageProtections::Run run = protections.run(index);
    if (run.first >= pages) break;
    if (run.prot == PageProtections::kUnknown) return -EINVAL;
    if (run.prot == protections.run(0).prot) continue;
    // What is new has the protection of the page before it.
    const size_t last = run.last == region.pages() ? pages : std::min(run.last, pages);
    std::byte* const start = target + run.first * page_size();
    if (mprotect(start, (last - run.first) * page_size(), run.prot) != 0) return -errno;
  }
  return 0;
}

int guard_alike(const Region& region, std::byte* target, size_t pages) noexcept {
  const PageBits& guards = region.guards();
  const size_t last = std::min(pages, region.pages());
  for (size_t page = guards.next(0, last, true); page < last;) {
    const size_t end = guards.next(page, last, false);
    std::byte* const start = target + page * page_size();
    if (madvise(start, (end - page) * page_size(), MADV_GUARD_INSTALL) != 0) return -errno;
    page = guards.next(end, last, true);
  }
  return 0;
}

/// Maps the same pages once more. The old addresses stay taken, and show them too until the region
/// is retired.
int map_again(const Region& region, std::byte* target, size_t length) noexcept {
  const Extent& old = region.extent();
  if (region.anonymous() && length > old.mapped_length) return -EINVAL;
  if (region.faults().replaced(0) != FaultKind::none) return -EINVAL;  // it is no page of the file
  // An old length of 0 asks for that.
  if (mremap(old.base, 0, length, MREMAP_MAYMOVE | MREMAP_FIXED, target) == MAP_FAILED) {
    return -errno;
  }
  const size_t pages = length / page_size();
  const int result = protect_alike(region, target, pages);
  return result != 0 ? result : guard_alike(region, target, pages);
}

/// Moves pages to other addresses, a VMA after the other, since mremap(2) takes no two of them.
/// Returns how many bytes it has moved, `length` unless there was an error.
size_t move_each(std::byte* from, std::byte* to, size_t length, unsigned flags) noexcept {
  size_t done = 0;
  size_t step = length;
  while (done < length) {
    const size_t size = std::min(step, length - done);
    // By syscall(2), because glibc 2.36's mremap(3) drops the new address with MREMAP_DONTUNMAP.
    if (syscall(SYS_mremap, from + done, size, size, flags, to + done) != -1) {
      done += size;
      step = 2 * size;
    } else if (size > page_size() && (errno == EFAULT || errno == EINVAL)) {
      step = size / 2 / page_size() * page_size();  // there is the end of a VMA in it
    } else {
      break;
    }
  }
  return done;
}

int move_private(const Region& region, std::byte* target, size_t length) noexcept {
  if (!region.anonymous()) return -EINVAL;
  std::byte* const base = region.extent().base;
  const size_t old_length = region.extent().mapped_length;
  const size_t kept = std::min(length, old_length);
  const PageProtections& protections = region.protections();
  if (length > old_length) {
    const int last = protections.run(protections.count() - 1).prot;
    const int prot = last == PageProtections::kUnknown ? region.protection() : last;
    if (mprotect(target + old_length, length - old_length, prot) != 0) return -errno;
  }
  // Only MREMAP_DONTUNMAP leaves no hole at the old addresses, into which another thread could map
  // while requests in flight still use them.
  constexpr unsigned kMove = MREMAP_MAYMOVE | MREMAP_FIXED;
  const size_t moved = move_each(base, target, kept, kMove | MREMAP_DONTUNMAP);
  if (moved == kept) return 0;
  const int error = errno;
  move_each(target, base, moved, kMove);
  return -error;
}

}  // namespace

int remap_region(Region& region, uint64_t length, RegionUser& out) noexcept {
  const Extent& old = region.extent();
  const RepairTurn turn(region);
  Extent extent;
  if (length > 0) {
    if (old.mapped_length == 0) return -EINVAL;
    if (!covering_pages(old.lead, length, extent)) return -EOVERFLOW;
    const size_t runs = 2 * region.protections().count();
    const int refused = map_budget_ask(static_cast<int>(std::min<size_t>(runs, INT_MAX)));
    if (refused != 0) return refused;
    void* target = reserve_addresses(extent.mapped_length);
    if (target == MAP_FAILED) return -errno;
    extent.base = static_cast<std::byte*>(target);
    const auto move = region.shared() ? map_again : move_private;
    const int moved = move(region, extent.base, extent.mapped_length);
    if (moved != 0) {
      munmap(extent.base, extent.mapped_length);
      return moved;
    }
  }
  const int adopted = Region::adopt(extent, region.uniform_protection(), region.flags(), {}, out);
  if (adopted != 0) return adopted;
  out->inherit(region);
  if (length > 0 && !out->inherit_pages(region, !region.shared())) {
    out->set_protection(0, out->pages(),
                        Region::kMixed);  // less is known of them, for want of memory
  }
  return 0;
}

int map_last_page(const Region& region, RegionUser& out) noexcept {
  const Extent& extent = region.extent();
  if (!region.shared() || region.anonymous() || extent.byte_length == 0) return -EINVAL;
  const int refused = map_budget_ask(1);
  if (refused != 0) return refused;
  std::byte* const last = page_of(extent.data() + extent.byte_length - 1);
  // An old length of 0 asks for the same pages at another place, and leaves these as they are.
  void* const again = mremap(last, 0, page_size(), MREMAP_MAYMOVE);
  if (again == MAP_FAILED) {
    const int error = errno;
    map_budget_return();
    return -error;
  }
  const Extent page{.base = static_cast<std::byte*>(again),
                    .mapped_length = page_size(),
                    .lead = 0,
                    .byte_length = offset_in_page(extent.data() + extent.byte_length - 1) + 1};
  return Region::adopt(page, region.uniform_protection(), region.flags(), {}, out);
}

}  // namespace posix_mmap
