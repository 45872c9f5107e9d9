#include "posix/region/region.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <new>

#include "posix/region/fault_epoch.h"
#include "posix/region/map_budget.h"
#include "posix/region/region_table.h"
#include "posix/region/region_token.h"

namespace posix_mmap {

/// Records are reused and never freed, because a signal handler that has looked a region up may
/// still read its record after the region is gone.
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

/// Ranges whose munmap(2) was put off, because it would have cut a VMA in two when there was none
/// to spare: neighbours that are alike are one VMA.
class Postponed {
 public:
  static void add(const Extent& extent) noexcept {
    madvise(extent.base, extent.mapped_length, MADV_DONTNEED);
    const std::lock_guard<std::mutex> lock(mutex_);
    auto* const entry = new (std::nothrow) Entry{extent, first_};
    if (entry != nullptr) first_ = entry;
  }

  /// Unmaps one of them; each later unmap() makes room for one more.
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

int Region::adopt(const Extent& extent, int prot, int flags, const MappedFileFacts& file,
                  RegionUser& out) noexcept {
  Region* region = RegionPool::take();
  int result = region == nullptr ? -ENOMEM : 0;
  if (region != nullptr) {
    region->extent_ = extent;
    region->file_.set(file);
    region->fault_causes_.reset();
    region->protection_ = prot == PROT_NONE ? PROT_READ | PROT_WRITE : prot;
    region->flags_ = flags;
    region->retired_ = false;
    region->uniform_.store(prot, std::memory_order_relaxed);
    region->references_.store(1, std::memory_order_relaxed);
    region->users_.store(1, std::memory_order_relaxed);
    region->has_token_.store(false, std::memory_order_relaxed);
    region->serial_ = last_serial.fetch_add(1, std::memory_order_relaxed) + 1;
    region->listener_.store(nullptr, std::memory_order_relaxed);
    region->faults_.reset(region->pages());
    region->protections_.reset(region->pages(), prot);
    region->guards_.reset(region->pages());
    region->opened_.reset(region->pages());
    if (extent.mapped_length > 0) {
      result = region_table_insert(extent.base, extent.mapped_length, region);
      if (result == 0) live.fetch_add(1, std::memory_order_relaxed);
    }
    if (result == 0) {
      out = RegionUser(region, RegionUser::Adopt{});
      return 0;
    }
    RegionPool::put(region);
  }
  if (extent.mapped_length > 0) munmap(extent.base, extent.mapped_length);
  return result;
}

void Region::inherit(const Region& older) noexcept {
  protection_ = older.protection_;
  file_.inherit(older.file_);
  faults_.inherit(older.faults_);
}

bool Region::inherit_pages(const Region& older, bool moved) noexcept {
  const size_t kept = std::min(pages(), older.pages());
  const PageProtections& protections = older.protections_;
  for (size_t index = 0; index < protections.count(); ++index) {
    const PageProtections::Run run = protections.run(index);
    if (run.first >= kept) break;
    if (!protections_.reserve()) return false;
    // What the region grew by has the protection of the page before it.
    protections_.set(run.first, run.last < older.pages() ? run.last : pages(), run.prot);
  }
  uniform_.store(protections_.uniform(), std::memory_order_release);

  const auto copy = [kept](PageBits& to, const PageBits& from) {
    for (size_t page = from.next(0, kept, true); page < kept;) {
      if (!to.prepare()) return false;
      const size_t end = from.next(page, kept, false);
      to.set(page, end - page);
      page = from.next(end, kept, true);
    }
    return true;
  };
  if (!copy(guards_, older.guards_)) return false;
  if (!moved) return true;
  if (!copy(opened_, older.opened_)) return false;
  if (kept == 0) return true;
  for (size_t page = 0; older.faults_.first_replaced(page, kept - 1) != FaultKind::none; ++page) {
    faults_.extend_replaced(older.faults_.replaced(page), page, 1);
    if (page + 1 == kept) break;
  }
  return true;
}

void Region::set_protection(size_t first, size_t last, int prot) noexcept {
  protections_.set(first, last, prot);
  uniform_.store(protections_.uniform(), std::memory_order_release);
  move_fault_epoch();
}

void Region::set_first_protection(int prot) noexcept {
  protections_.reset(0, prot);
  uniform_.store(prot, std::memory_order_release);
}

bool Region::sound() noexcept {
  const int uniform = uniform_protection();
  const bool readable = uniform != kMixed && (uniform & PROT_READ) != 0;
  return readable && faults_.peek().kind == FaultKind::none && !faults_.any_replaced() &&
         file_.told_end().load(std::memory_order_relaxed) == MappedFile::kNowhere &&
         guards_.next(0, pages(), true) == pages();
}

void Region::remove_reference() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  unmap();
  faults_.free_memory();
  protections_.reset(0, PROT_NONE);
  guards_.free_memory();
  opened_.free_memory();
  file_.reset();
  fault_causes_.reset();
  RegionPool::put(this);
}

void Region::add_user() noexcept {
  users_.fetch_add(1, std::memory_order_relaxed);
  add_reference();
}

bool Region::try_add_user() noexcept {
  // The reference comes first, or everybody else could go between the two and give the record back.
  add_reference();
  uint32_t users = users_.load(std::memory_order_relaxed);
  do {
    if (users == 0) {
      // It is not the last one: the last user keeps its reference until the token is revoked.
      references_.fetch_sub(1, std::memory_order_acq_rel);
      return false;
    }
  } while (!users_.compare_exchange_weak(users, users + 1, std::memory_order_acq_rel));
  return true;
}

void Region::remove_user() noexcept {
  if (users_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (has_token()) revoke_token();
  if (references_.load(std::memory_order_acquire) > 1) retire();
}

void Region::unmap() noexcept {
  if (extent_.mapped_length == 0) return;
  const bool before = merges_with(region_table_find(extent_.base - 1));
  const bool after = merges_with(region_table_find(extent_.base + extent_.mapped_length));
  region_table_erase(extent_.base, extent_.mapped_length);
  const bool cuts = before && after;
  if ((!cuts || map_budget_ask(1) == 0) && munmap(extent_.base, extent_.mapped_length) == 0) {
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

int Region::retire() noexcept {
  if (retired_ || extent_.mapped_length == 0) return 0;
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  void* overlay = mmap(extent_.base, extent_.mapped_length, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (overlay == MAP_FAILED) {
    // Under vm.overcommit_memory=2 the kernel may refuse writable memory. PROT_NONE costs none, and
    // the fault guard repairs a late access.
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
