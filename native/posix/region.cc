#include "region.h"

#include <sys/mman.h>

#include <cerrno>
#include <mutex>
#include <new>

#include "advice.h"
#include "fault_guard.h"
#include "region_table.h"

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

}  // namespace

int Region::map(const MapRequest& request, Region** out) noexcept {
  const uint64_t mask = page_size() - 1;
  const uint64_t lead = request.offset & mask;
  uint64_t length = 0;
  if (__builtin_add_overflow(request.length, lead, &length) || !round_up_to_page(length, length)) {
    return -EOVERFLOW;
  }
  const int guarded = fault_guard_install();
  if (guarded != 0) return guarded;

  Region* region = RegionPool::take();
  if (region == nullptr) return -ENOMEM;
  region->extent_ = {};
  if (request.length > 0) {
    void* base = map_pages(request, length, request.offset - lead);
    if (base == MAP_FAILED) {
      const int error = errno;
      RegionPool::put(region);
      return -error;
    }
    region->extent_ = {static_cast<std::byte*>(base), length, lead, request.length};
  }
  region->protection_ = request.prot == PROT_NONE ? PROT_READ | PROT_WRITE : request.prot;
  region->anonymous_ = (request.flags & MAP_ANONYMOUS) != 0;
  region->retired_ = false;
  region->uniform_.store(request.prot, std::memory_order_relaxed);
  region->references_.store(1, std::memory_order_relaxed);
  region->bell_.store(nullptr, std::memory_order_relaxed);
  region->faults_.reset(length / page_size());
  const Extent& extent = region->extent_;
  if (extent.mapped_length > 0) {
    const int entered = region_table_insert(extent.base, extent.mapped_length, region);
    if (entered != 0) {
      munmap(extent.base, extent.mapped_length);
      RegionPool::put(region);
      return entered;
    }
    live.fetch_add(1, std::memory_order_relaxed);
  }
  *out = region;
  return 0;
}

void Region::release() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  unmap();
  faults_.free_memory();
  RegionPool::put(this);
}

void Region::unmap() noexcept {
  if (extent_.mapped_length == 0) return;
  region_table_erase(extent_.base, extent_.mapped_length);
  munmap(extent_.base, extent_.mapped_length);
  live.fetch_sub(1, std::memory_order_relaxed);
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
