#include "map_budget.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>

#include "kernel_file.h"

namespace posix_mmap {
namespace {

// What the engine, its threads and malloc may need while the program learns of ENOMEM and unmaps.
constexpr long kOthers = 1024;

// Counting takes some 30 ms at the limit, so it is done only when half of what was left then is
// used up, and never for the first few.
constexpr long kUncounted = 1024;
constexpr long kSmallestStep = 256;

std::atomic<long> budget{kUncounted};
std::mutex counting;

/// How many more kernel mappings we may make now; negative when there are too many already.
long room() noexcept {
  const uint64_t limit = read_kernel_number("/proc/sys/vm/max_map_count", INT32_MAX);
  // One line is one kernel mapping.
  return static_cast<long>(limit) - static_cast<long>(count_kernel_lines("/proc/self/maps")) -
         kOthers;
}

}  // namespace

bool map_budget_take(int count) noexcept {
  if (budget.fetch_sub(count, std::memory_order_relaxed) >= count) return true;
  const std::lock_guard<std::mutex> lock(counting);
  if (budget.load(std::memory_order_relaxed) >= 0) return true;  // another thread has counted
  const long left = room();
  if (left < count) {
    budget.store(0, std::memory_order_relaxed);
    return false;
  }
  const long step = std::max(left / 2, std::min(left, kSmallestStep));
  budget.store(step - count, std::memory_order_relaxed);
  return true;
}

void map_budget_return(int count) noexcept { budget.fetch_add(count, std::memory_order_relaxed); }

}  // namespace posix_mmap
