#include "posix/region/region.h"

#include <sys/mman.h>

#include <cerrno>
#include <mutex>
#include <new>

#include "posix/region/map_budget.h"
#include "posix/region/region_table.h"
#include "posix/region/region_token.h"

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

int Region::adopt(const Extent& extent, int prot, int flags, const FileIdentity& file,
                  Region** out) noexcept {
  Region* region = RegionPool::take();
  int result = region == nullptr ? -ENOMEM : 0;
  if (region != nullptr) {
    region->extent_ = extent;
    region->file_ = file;
    region->protection_ = prot == PROT_NONE ? PROT_READ | PROT_WRITE : prot;
    region->flags_ = flags;
    region->retired_ = false;
    region->uniform_.store(prot, std::memory_order_relaxed);
    region->references_.store(1, std::memory_order_relaxed);
    region->users_.store(1, std::memory_order_relaxed);
    region->has_token_.store(false, std::memory_order_relaxed);
    region->serial_ = last_serial.fetch_add(1, std::memory_order_relaxed) + 1;
    region->listener_.store(nullptr, std::memory_order_relaxed);
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

void Region::inherit(const Region& older) noexcept {
  protection_ = older.protection_;
  file_ = older.file_;
  faults_.inherit(older.faults_);
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
      // Not the last: whoever left last keeps a reference until the token is revoked.
      references_.fetch_sub(1, std::memory_order_acq_rel);
      return false;
    }
  } while (!users_.compare_exchange_weak(users, users + 1, std::memory_order_acq_rel));
  return true;
}

void Region::leave() noexcept {
  if (users_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (has_token()) revoke_token();
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

uint64_t Region::issue_token() noexcept {
  add_token(serial_, *this);
  has_token_.store(true, std::memory_order_release);
  return serial_;
}

Region* Region::redeem_token(uint64_t token) noexcept {
  return find_token(token, [](Region& region) { return region.try_join(); });
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

size_t live_regions() noexcept { return live.load(std::memory_order_relaxed); }

}  // namespace posix_mmap
