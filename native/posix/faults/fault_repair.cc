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

#include "posix/faults/block_copy.h"
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
constexpr size_t kMostZeroed = size_t{1} << 18;  // and opened
// Private pages that are only protected lose nothing when a repair opens them, but the next touch
// of one is no fault then: a program that watches its pages by their faults is told of so many
// first.
constexpr size_t kRepairsAlone = 1024;

size_t block_limit(size_t repairs, size_t most) noexcept {
  const size_t doublings = repairs / kRepairsPerDoubling;
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
  const size_t size = page_size();
  const size_t first = region.page_index(page);
  // What may not be touched is not lost: neither behind another protection nor behind a guard.
  const size_t pages = region.guards().next(first, region.protections().run_of(first).last, true);
  const size_t most = kind == FaultKind::read_only ? kMostCopied : kMostZeroed;
  const size_t limit = block_limit(region.faults().repairs(), most);
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

int repaired_protection(const Region& region, bool store) noexcept {
  return region.protection() | PROT_READ | (store ? PROT_WRITE : 0);
}

/// Puts zeros in place of a page that is lost, and of those behind it that are lost too.
bool replace_lost(Region& region, FaultKind kind, std::byte* page, bool store) noexcept {
  const int protection = repaired_protection(region, store);
  const size_t index = region.page_index(page);
  const size_t size = page_size();
  if (!map_budget_repair(2, Repairs::roomy)) {
    if (region.shared() && copy_block(region, kind, index, false)) return true;
    if (!map_budget_repair(2, Repairs::last)) return false;
  }
  const size_t pages = block_pages(region, kind, page, false, store);
  // Marked before the page is replaced: a thread that is copying it looks at the mark afterwards,
  // and would otherwise take the new page for the file's.
  region.faults().mark_replaced(kind, index, pages);
  return replace_with_zeros(page, pages * size, protection) ||
         (pages > 1 && replace_with_zeros(page, size, protection));
}

/// A private page in place of one whose file must not be changed, or has no room for the store.
bool repair_shared(Region& region, FaultKind kind, std::byte* page, bool store) noexcept {
  const size_t size = page_size();
  const size_t index = region.page_index(page);
  const bool keep = kind != FaultKind::no_access;
  if (!map_budget_repair(2, Repairs::roomy)) {
    if (copy_block(region, kind, index, keep)) return true;
    if (!map_budget_repair(2, Repairs::last)) return false;
  }
  if (!keep) {
    region.faults().mark_replaced(kind, index, 1);
    region.guards().clear(index, 1);
    return replace_with_zeros(page, size, repaired_protection(region, store));
  }
  const size_t pages = block_pages(region, kind, page, true, store);
  region.faults().mark_replaced(kind, index, pages);
  return replace_with_copy(page, pages * size) || (pages > 1 && replace_with_copy(page, size)) ||
         replace_in_place(page, size);
}

/// The log has pages `first … last` (exclusive) as replaced from now on, as far as they are to be
/// opened: neither those that are already, nor guard pages, nor the touched one, which is marked.
void mark_opened(Region& region, FaultKind kind, size_t first, size_t last,
                 size_t touched) noexcept {
  FaultLog& faults = region.faults();
  const PageBits& guards = region.guards();
  for (size_t page = guards.next(first, last, false); page < last;) {
    size_t end = guards.next(page, last, true);
    if (page < touched) end = std::min(end, touched);
    size_t replaced = page;
    if (faults.first_replaced(replaced, end - 1) != FaultKind::none) end = replaced;
    if (end > page && page != touched) {
      faults.extend_replaced(kind, page, end - page);
      region.opened().set(page, end - page);
      page = guards.next(end, last, false);
    } else {
      page = guards.next(page + 1, last, false);
    }
  }
}

/// Lets a private page be accessed, and perhaps its neighbours of the same protection, all with the
/// content that they have.
bool open_pages(Region& region, FaultKind kind, std::byte* page, bool store) noexcept {
  const Extent& extent = region.extent();
  const size_t size = page_size();
  const size_t index = region.page_index(page);
  const PageProtections::Run run = region.protections().run_of(index);
  const size_t repairs = region.faults().repairs();
  const size_t later = repairs - std::min(repairs, kRepairsAlone);
  const bool roomy = map_budget_repair(2, Repairs::roomy);
  const size_t limit = roomy ? block_limit(later, kMostZeroed) : run.last - index;
  size_t first = roomy ? index : run.first;
  size_t last = std::min(index + limit, run.last);
  if (!region.opened().prepare()) {
    first = index;
    last = index + 1;
  }
  const int protection = repaired_protection(region, store);
  const auto open = [&](size_t from, size_t to) {
    mark_opened(region, kind, from, to, index);
    return mprotect(extent.base + from * size, (to - from) * size, protection) == 0;
  };
  // One protection for the whole region needs no VMA but the region's own.
  return open(first, last) || open(0, region.pages());
}

/// Private memory needs no other page where it has one, only permission.
bool repair_private(Region& region, FaultKind kind, std::byte* page, bool store) noexcept {
  const size_t size = page_size();
  const size_t index = region.page_index(page);
  region.faults().mark_replaced(kind, index, 1);
  region.opened().clear(index, 1);
  bool zeros = kind != FaultKind::no_access;
  if (!zeros) {
    zeros = region.anonymous() && madvise(page, size, MADV_DONTNEED) == 0;
    if (region.guards().test(index)) madvise(page, size, MADV_GUARD_REMOVE);
    region.guards().clear(index, 1);
  }
  if (!accessible(page, store) &&
      (!open_pages(region, kind, page, store) || !accessible(page, store))) {
    return map_budget_repair(2, Repairs::last) &&
           replace_with_zeros(page, size, repaired_protection(region, store));
  }
  // A private page of a file goes when the file is cut; one of no file stays.
  if (!zeros && !region.anonymous() && map_budget_repair(2, Repairs::roomy)) {
    return replace_with_zeros(page, size, repaired_protection(region, store));
  }
  if (!zeros && page_writable(page)) return guarded_zero(page, size) == 0;
  return true;
}

/// The last resort when the process may have no more VMAs: one VMA of zeros for the whole region.
bool replace_everything(Region& region, FaultKind kind) noexcept {
  const Extent& extent = region.extent();
  constexpr int kProtection = PROT_READ | PROT_WRITE;
  region.faults().mark_replaced(kind, 0, region.pages());
  region.guards().clear(0, region.pages());
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
  std::byte* const page = page_of(address);
  const RepairTurn turn(region);
  if (accessible(page, store)) return true;
  const bool lost = kind != FaultKind::no_access && !page_readable(page);
  const auto repair = lost ? replace_lost : region.shared() ? repair_shared : repair_private;
  if (!repair(region, kind, page, store) && !replace_everything(region, kind)) return false;
  region.faults().record(kind, byte_offset(region.extent(), address));
  return true;
}

void close_opened(Region& region, size_t first, size_t last) noexcept {
  const PageBits& opened = region.opened();
  for (size_t page = opened.next(first, last, true); page < last;) {
    const size_t end = opened.next(page, last, false);
    region.faults().mark_restored(page, end - page);
    region.opened().clear(page, end - page);
    page = opened.next(end, last, true);
  }
}

}  // namespace posix_mmap
