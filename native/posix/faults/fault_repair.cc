#include "posix/faults/fault_repair.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>

#include "posix/faults/guarded_copy.h"
#include "posix/kernel_constants.h"
#include "posix/region/map_budget.h"
#include "posix/region/map_reserve.h"

namespace posix_mmap {
namespace {

constexpr int kPrivate = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

// Each repair that stands alone costs up to two kernel mappings (VMAs) of the 65,530 that a process
// may have. After every kRepairsPerDoubling repairs in a region the next one covers twice as many
// pages, and when the process has made very many, the most pages that are allowed: fewer copies
// than zeros, because a copy takes memory and time.
constexpr size_t kRepairsPerDoubling = 64;
constexpr size_t kVeryMany = 8192;
constexpr size_t kMostCopied = 64;
constexpr size_t kMostZeroed = size_t{1} << 18;

size_t block_limit(const Region& region, FaultKind kind) noexcept {
  // Protected pages have not lost their content, so only the page that was touched may be replaced.
  if (kind == FaultKind::no_access) return 1;
  const size_t doublings = region.faults().repairs() / kRepairsPerDoubling;
  const size_t most = kind == FaultKind::read_only ? kMostCopied : kMostZeroed;
  if (FaultLog::all_repairs() > kVeryMany || doublings > 30) return most;
  return std::min(size_t{1} << doublings, most);
}

bool accessible(std::byte* page, bool store) noexcept {
  return store ? page_writable(page) : page_readable(page);
}

/// How many pages from `page` on fail alike and may be replaced with it. A page that was replaced
/// before is not among them, since it may hold the program's stores.
size_t block_pages(const Region& region, FaultKind kind, std::byte* page, bool readable,
                   bool store) noexcept {
  // Asking whether a private page is writable writes to it, which would cut it off from its file.
  if (readable && !region.shared()) return 1;
  const size_t size = page_size();
  const size_t first = region.page_index(page);
  const size_t pages = region.extent().mapped_length / size;
  const size_t limit = block_limit(region, kind);
  size_t count = 1;
  while (count < limit && first + count < pages &&
         region.faults().replaced(first + count) == FaultKind::none) {
    std::byte* const next = page + count * size;
    if (page_readable(next) != readable || accessible(next, store)) break;
    ++count;
  }
  return count;
}

bool replace_with_zeros(std::byte* start, size_t length, int protection) noexcept {
  return mmap(start, length, protection, kPrivate | MAP_FIXED, -1, 0) != MAP_FAILED;
}

bool replace_with_copy(std::byte* start, size_t length) noexcept {
  void* copy = mmap(nullptr, length, PROT_READ | PROT_WRITE, kPrivate, -1, 0);
  if (copy == MAP_FAILED) return false;
  // Bytes that the file has lost meanwhile stay zero.
  guarded_copy(copy, start, length);
  if (mremap(copy, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, start) != MAP_FAILED) return true;
  munmap(copy, length);
  return false;
}

/// Replaces one page when there is no VMA for a second mapping, by way of memory that is always
/// there. Other threads may see zeros in between.
bool replace_in_place(std::byte* page, size_t size) noexcept {
  constexpr size_t kLargestPage = size_t{64} << 10;
  static std::array<std::byte, kLargestPage> scratch;
  static std::atomic<bool> taken{false};
  if (size > kLargestPage) return false;
  while (taken.exchange(true, std::memory_order_acquire)) sched_yield();
  guarded_copy(scratch.data(), page, size);
  const bool replaced = replace_with_zeros(page, size, PROT_READ | PROT_WRITE);
  if (replaced) guarded_copy(page, scratch.data(), size);
  taken.store(false, std::memory_order_release);
  return replaced;
}

/// Makes a range accessible, with its present content or with zeros where that is lost.
bool replace(const Region& region, std::byte* start, size_t length, bool readable,
             bool store) noexcept {
  if (!readable) {
    return replace_with_zeros(start, length, region.protection() | (store ? PROT_WRITE : 0));
  }
  // Private memory needs no other page, only permission to write.
  if (!region.shared() && mprotect(start, length, PROT_READ | PROT_WRITE) == 0) return true;
  return replace_with_copy(start, length);
}

/// The last resort when the process may have no more VMAs: one VMA of zeros for the whole region.
bool replace_everything(Region& region, FaultKind kind) noexcept {
  const Extent& extent = region.extent();
  constexpr int kProtection = PROT_READ | PROT_WRITE;
  region.faults().mark_replaced(kind, 0, extent.mapped_length / page_size());
  while (!replace_with_zeros(extent.base, extent.mapped_length, kProtection)) {
    if (!map_reserve_spend()) return false;
  }
  return true;
}

}  // namespace

bool page_readable(const void* page) noexcept {
  // The wait ends at once, with EAGAIN or ETIMEDOUT if the word could be read.
  const timespec none{0, 0};
  return syscall(SYS_futex, page, FUTEX_WAIT_PRIVATE, 0, &none, nullptr, 0) == 0 || errno != EFAULT;
}

bool page_writable(void* page) noexcept {
  // Wakes nobody, but ORs the page's first word with 0 on the way, which stores it unchanged.
  static int nobody = 0;
  constexpr unsigned kOrZero = FUTEX_OP(FUTEX_OP_OR, 0, FUTEX_OP_CMP_EQ, 0);
  return syscall(SYS_futex, &nobody, FUTEX_WAKE_OP_PRIVATE, 0, nullptr, page, kOrZero) >= 0;
}

bool page_lost(std::byte* page) noexcept {
  // EINVAL where the page may not be read, and before Linux 5.14.
  return madvise(page, page_size(), MADV_POPULATE_READ) != 0 && errno == EFAULT;
}

bool repair_fault(Region& region, FaultKind kind, std::byte* address, bool store) noexcept {
  const size_t size = page_size();
  std::byte* const page = page_of(address);
  const RepairTurn turn(region);
  if (accessible(page, store)) return true;

  const bool readable = page_readable(page);
  const size_t pages = block_pages(region, kind, page, readable, store);
  // Marked before the page is replaced: a thread that is copying it looks at the mark afterwards,
  // and would otherwise take the new page for the file's.
  region.faults().mark_replaced(kind, region.page_index(page), pages);
  const bool replaced = replace(region, page, pages * size, readable, store) ||
                        (pages > 1 && replace(region, page, size, readable, store)) ||
                        (readable && replace_in_place(page, size));
  if (!replaced && !replace_everything(region, kind)) return false;
  map_budget_spend(2);
  region.faults().record(kind, byte_offset(region.extent(), address));
  return true;
}

}  // namespace posix_mmap
