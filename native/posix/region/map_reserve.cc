#include "posix/region/map_reserve.h"

#include <sys/mman.h>

#include <atomic>
#include <cstddef>

#include "posix/page_range.h"

namespace posix_mmap {
namespace {

constexpr int kReserve = 8;

std::byte* area = nullptr;
std::atomic<int> left{0};

}  // namespace

void map_reserve_fill() noexcept {
  constexpr size_t kPages = 2 * kReserve + 1;
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  const size_t size = page_size();
  void* const mapped = mmap(nullptr, kPages * size, PROT_NONE, kFlags, -1, 0);
  if (mapped == MAP_FAILED) return;
  area = static_cast<std::byte*>(mapped);
  // Every other page has another protection, because neighbours that are alike would be one VMA.
  for (int page = 0; page < kReserve; ++page) {
    if (mprotect(area + (2 * page + 1) * size, size, PROT_READ) != 0) return;
    left.store(page + 1, std::memory_order_release);
  }
}

bool map_reserve_spend() noexcept {
  const int mine = left.fetch_sub(1, std::memory_order_acq_rel);
  if (mine <= 0) {
    left.fetch_add(1, std::memory_order_acq_rel);
    return false;
  }
  return munmap(area + (2 * static_cast<size_t>(mine) - 1) * page_size(), page_size()) == 0;
}

}  // namespace posix_mmap
