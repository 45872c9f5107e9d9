#include "region.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <new>

#include "advice.h"
#include "fault_guard.h"
#include "map_budget.h"
#include "region_file.h"
#include "region_table.h"
#include "region_ticket.h"

namespace posix_mmap {

/// Records are reused and never freed: a signal handler that was given a stray pointer may still
/// read one after its region is gone.
class RegionPool {
 public:
  static Region* take() noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    Region* region = free_;
    if (region == nullptr) return new (std::nothrow) Region();
    free_ = region->next_free_;
    return region;
  }

  static void put(Region* region) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    region->next_free_ = free_;
    free_ = region;
  }

 private:
  static inline std::mutex mutex_;
  static inline Region* free_ = nullptr;
};

namespace {

std::atomic<size_t> live{0};
std::atomic<uint64_t> last_serial{0};

void* reserve(size_t length) noexcept {
  return mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/// Addresses at which the kernel can use huge pages: congruent to the file offset.
void* reserve_for_huge_pages(size_t length, uint64_t offset) noexcept {
  const size_t huge = huge_page_size();
  size_t padded = 0;
  if (huge == 0 || length < huge || __builtin_add_overflow(length, huge, &padded)) return nullptr;
  void* reservation = reserve(padded);
  if (reservation == MAP_FAILED) return nullptr;
  auto* const start = static_cast<std::byte*>(reservation);
  const size_t skip = (offset - reinterpret_cast<uintptr_t>(start)) & (huge - 1);
  std::byte* const chosen = start + skip;
  if (skip > 0) munmap(start, skip);
  if (huge > skip) munmap(chosen + length, huge - skip);
  return chosen;
}

void* map_pages(const MapRequest& request, size_t length, uint64_t offset) noexcept {
  void* wish = reinterpret_cast<void*>(request.address);
  int flags = request.flags;
  void* reservation = nullptr;
  if (request.huge_pages && wish == nullptr) {
    reservation = reserve_for_huge_pages(length, offset);
    if (reservation != nullptr) {
      wish = reservation;
      flags |= MAP_FIXED;  // over our own reservation
    }
  }
  void* base = mmap(wish, length, request.prot, flags, request.fd, static_cast<off_t>(offset));
  if (base == MAP_FAILED && reservation != nullptr) {
    const int error = errno;
    munmap(reservation, length);
    errno = error;
  }
  return base;
}

/// The pages for `length` bytes after `lead`; false if they do not fit in 64 bits.
bool covering_pages(size_t lead, uint64_t length, Extent& extent) noexcept {
  uint64_t end = 0;
  uint64_t mapped = 0;
  if (__builtin_add_overflow(length, lead, &end) || !round_up_to_page(end, mapped)) return false;
  extent.mapped_length = mapped;
  extent.lead = lead;
  extent.byte_length = length;
  return true;
}

/// Ranges whose munmap(2) would have cut a kernel mapping in two when there was none to spare:
/// neighbours that are alike are one for the kernel.
class Postponed {
 public:
  static void add(const Extent& extent) noexcept {
    madvise(extent.base, extent.mapped_length, MADV_DONTNEED);
    const std::lock_guard<std::mutex> lock(mutex_);
    auto* const entry = new (std::nothrow) Entry{extent, first_};
    if (entry != nullptr) first_ = entry;
  }

  /// One at a time: each later unmap() makes room for one.
  static void retry() noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    Entry* const entry = first_;
    if (entry == nullptr || munmap(entry->extent.base, entry->extent.mapped_length) != 0) return;
    first_ = entry->next;
    delete entry;
  }

 private:
  struct Entry {
    Extent extent;
    Entry* next;
  };
  static inline std::mutex mutex_;
  static inline Entry* first_ = nullptr;
};

}  // namespace

int Region::adopt(const Extent& extent, int prot, int flags, Region** out) noexcept {
  Region* region = RegionPool::take();
  int result = region == nullptr ? -ENOMEM : 0;
  if (region != nullptr) {
    region->extent_ = extent;
    region->file_ = {};
    region->protection_ = prot == PROT_NONE ? PROT_READ | PROT_WRITE : prot;
    region->flags_ = flags;
    region->retired_ = false;
    region->uniform_.store(prot, std::memory_order_relaxed);
    region->references_.store(1, std::memory_order_relaxed);
    region->users_.store(1, std::memory_order_relaxed);
    region->ticketed_.store(false, std::memory_order_relaxed);
    region->serial_ = last_serial.fetch_add(1, std::memory_order_relaxed) + 1;
    region->bell_.store(nullptr, std::memory_order_relaxed);
    region->faults_.reset(extent.mapped_length / page_size());
    *out = region;
    if (extent.mapped_length == 0) return 0;
    result = region_table_insert(extent.base, extent.mapped_length, region);
    if (result == 0) {
      live.fetch_add(1, std::memory_order_relaxed);
      return 0;
    }
    RegionPool::put(region);
  }
  if (extent.mapped_length > 0) munmap(extent.base, extent.mapped_length);
  return result;
}

int Region::map(const MapRequest& request, Region** out) noexcept {
  const uint64_t lead = request.offset & (page_size() - 1);
  Extent extent;
  const int guarded = fault_guard_install();
  if (guarded != 0) return guarded;
  if (request.length > 0) {
    if (!covering_pages(lead, request.length, extent)) return -EOVERFLOW;
    if (!map_budget_take(1)) return -ENOMEM;
    void* base = map_pages(request, extent.mapped_length, request.offset - lead);
    if (base == MAP_FAILED) return -errno;
    extent.base = static_cast<std::byte*>(base);
  }
  const int adopted = adopt(extent, request.prot, request.flags, out);
  if (adopted == 0 && (*out)->shared() && (request.prot & PROT_WRITE) != 0) {
    identify_file(request.fd, (*out)->file_);
  }
  return adopted;
}

int Region::map_again(int fd, uint64_t offset, uint64_t length, Region** out) const noexcept {
  const int prot = uniform_protection() == kMixed ? protection_ : uniform_protection();
  // Only where it was to be mapped then, and how it was to be filled.
  constexpr int kOnce = MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_POPULATE | MAP_LOCKED;
  const MapRequest request{
      .fd = fd, .offset = offset, .length = length, .prot = prot, .flags = flags_ & ~kOnce};
  const int result = map(request, out);
  if (result != 0) return result;
  (*out)->protection_ = protection_;
  (*out)->file_ = file_;
  (*out)->faults_.inherit(faults_);
  return 0;
}

int Region::remap(uint64_t length, Region** out) noexcept {
  Extent extent;
  if (length > 0) {
    if (extent_.mapped_length == 0) return -EINVAL;
    if (!covering_pages(extent_.lead, length, extent)) return -EOVERFLOW;
    if (!map_budget_take(1)) return -ENOMEM;
    void* target = reserve(extent.mapped_length);
    if (target == MAP_FAILED) return -errno;
    extent.base = static_cast<std::byte*>(target);
    const int moved = move_pages(extent.base, extent.mapped_length);
    if (moved != 0) {
      munmap(extent.base, extent.mapped_length);
      return moved;
    }
  }
  const int adopted = adopt(extent, protection_, flags_, out);
  if (adopted != 0) return adopted;
  (*out)->set_uniform_protection(uniform_protection());
  (*out)->file_ = file_;
  (*out)->faults_.inherit(faults_);
  return 0;
}

int Region::move_pages(std::byte* target, size_t length) noexcept {
  const size_t old_length = extent_.mapped_length;
  const int protection = uniform_protection();
  if (protection == kMixed) return -EINVAL;  // they are several mappings for the kernel
  if (shared()) {
    if (anonymous() && length > old_length) return -EINVAL;
    // An old length of 0 maps the same pages once more and leaves the old addresses taken.
    void* moved = mremap(extent_.base, 0, length, MREMAP_MAYMOVE | MREMAP_FIXED, target);
    return moved != MAP_FAILED ? 0 : -errno;
  }
  if (!anonymous()) return -EINVAL;
  // Here only MREMAP_DONTUNMAP (Linux 5.7) leaves no hole that another thread could map into while
  // requests in flight still use the old addresses. By syscall(2): glibc 2.36's mremap drops the
  // new address with this flag.
  const size_t kept = length < old_length ? length : old_length;
  constexpr unsigned kFlags = MREMAP_MAYMOVE | MREMAP_FIXED | 4U /* MREMAP_DONTUNMAP */;
  if (length > old_length && mprotect(target + old_length, length - old_length, protection) != 0) {
    return -errno;
  }
  return syscall(SYS_mremap, extent_.base, kept, kept, kFlags, target) != -1 ? 0 : -errno;
}

void Region::release() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  unmap();
  faults_.free_memory();
  RegionPool::put(this);
}

void Region::join() noexcept {
  users_.fetch_add(1, std::memory_order_relaxed);
  retain();
}

bool Region::try_join() noexcept {
  // First, or everybody else could part between the two and give the record back.
  retain();
  uint32_t users = users_.load(std::memory_order_relaxed);
  do {
    if (users == 0) {
      // Not the last: whoever left last keeps a reference until the ticket is void.
      references_.fetch_sub(1, std::memory_order_acq_rel);
      return false;
    }
  } while (!users_.compare_exchange_weak(users, users + 1, std::memory_order_acq_rel));
  return true;
}

void Region::leave() noexcept {
  if (users_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (ticketed_.load(std::memory_order_acquire)) void_ticket(*this);
  if (references_.load(std::memory_order_acquire) > 1) retire();
}

void Region::part() noexcept {
  leave();
  release();
}

void Region::unmap() noexcept {
  if (extent_.mapped_length == 0) return;
  const bool before = merges_with(region_table_find(extent_.base - 1));
  const bool after = merges_with(region_table_find(extent_.base + extent_.mapped_length));
  region_table_erase(extent_.base, extent_.mapped_length);
  const bool cuts = before && after;
  if ((!cuts || map_budget_take(1)) && munmap(extent_.base, extent_.mapped_length) == 0) {
    if (!before && !after) map_budget_return();
    Postponed::retry();
  } else {
    Postponed::add(extent_);
  }
  live.fetch_sub(1, std::memory_order_relaxed);
}

bool Region::merges_with(const Region* other) const noexcept {
  const auto plain = [](const Region& region) { return region.anonymous() || region.retired_; };
  return other != nullptr && plain(*this) && plain(*other) && uniform_protection() != kMixed &&
         uniform_protection() == other->uniform_protection();
}

int Region::retire() noexcept {
  if (retired_ || extent_.mapped_length == 0) return 0;
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  void* overlay = mmap(extent_.base, extent_.mapped_length, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (overlay == MAP_FAILED) {
    // Under vm.overcommit_memory=2 writable memory may be refused; this costs none, and the fault
    // guard lets a late access through.
    overlay = mmap(extent_.base, extent_.mapped_length, PROT_NONE, kFlags, -1, 0);
    if (overlay == MAP_FAILED) return -errno;
  }
  retired_ = true;
  uniform_.store(PROT_READ | PROT_WRITE, std::memory_order_release);
  return 0;
}

bool Region::holds(const void* address) const noexcept {
  const auto offset =
      reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(extent_.base);
  return offset < extent_.mapped_length;
}

size_t Region::page_index(const void* address) const noexcept {
  return (reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(extent_.base)) /
         page_size();
}

size_t live_regions() noexcept { return live.load(std::memory_order_relaxed); }

}  // namespace posix_mmap
