#include "posix/region/map_budget.h"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>

#include "posix/files/kernel_file.h"

namespace posix_mmap {
namespace {

// What the engine, its threads and malloc(3) may need until the program has handled ENOMEM and
// unmapped something.
constexpr long kOthers = 1024;

// Counting takes some 30 ms at the limit, so it is done only when half of what the last count left
// is used up, and not at all for the first kUncounted.
constexpr long kUncounted = 1024;
constexpr long kSmallestStep = 256;
constexpr int64_t kPatience = 100;  // milliseconds from a count that found no room to the next

std::atomic<long> budget{kUncounted};
std::atomic<int64_t> next_count{0};  // in milliseconds, after a refusal
std::mutex counting;

/// How many more VMAs the package may make now; negative when there are too many already.
long room() noexcept {
  const uint64_t limit = read_kernel_number("/proc/sys/vm/max_map_count", INT32_MAX);
  // One line is one VMA. Without a descriptor to count with, the answer is that there is no room.
  uint64_t mappings = 0;
  if (count_kernel_lines("/proc/self/maps", mappings) == -EMFILE) return 0;
  return static_cast<long>(limit) - static_cast<long>(mappings) - kOthers;
}

int64_t now() noexcept {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

}  // namespace

bool map_budget_take(int count) noexcept {
  if (budget.fetch_sub(count, std::memory_order_relaxed) >= count) return true;
  const std::lock_guard<std::mutex> lock(counting);
  if (budget.load(std::memory_order_relaxed) >= 0) return true;  // another thread has counted
  const int64_t time = now();
  const long left = time < next_count.load(std::memory_order_relaxed) ? 0 : room();
  const bool enough = left >= count;
  const long step = std::max(left / 2, std::min(left, kSmallestStep));
  budget.store(enough ? step - count : 0, std::memory_order_relaxed);
  if (!enough && time >= next_count.load(std::memory_order_relaxed))
    next_count.store(time + kPatience, std::memory_order_relaxed);
  return enough;
}

void map_budget_return() noexcept { budget.fetch_add(1, std::memory_order_relaxed); }

void map_budget_spend(int count) noexcept { budget.fetch_sub(count, std::memory_order_relaxed); }

}  // namespace posix_mmap
