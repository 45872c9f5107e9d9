#include "map_budget.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <climits>
#include <cstdio>
#include <mutex>

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

/// The lines of /proc/self/maps, one a kernel mapping; 0 if it cannot be read.
long count_mappings() noexcept {
  FILE* const file = fopen("/proc/self/maps", "re");
  if (file == nullptr) return 0;
  long lines = 0;
  std::array<char, 16 * 1024> chunk;
  for (size_t got = 0; (got = fread(chunk.data(), 1, chunk.size(), file)) > 0;) {
    lines += std::count(chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(got), '\n');
  }
  fclose(file);
  return lines;
}

long mapping_limit() noexcept {
  long limit = LONG_MAX;
  FILE* const file = fopen("/proc/sys/vm/max_map_count", "re");
  if (file == nullptr) return limit;
  if (fscanf(file, "%ld", &limit) != 1) limit = LONG_MAX;
  fclose(file);
  return limit;
}

}  // namespace

bool map_budget_take(int count) noexcept {
  if (budget.fetch_sub(count, std::memory_order_relaxed) >= count) return true;
  const std::lock_guard<std::mutex> lock(counting);
  if (budget.load(std::memory_order_relaxed) >= 0) return true;  // another thread has counted
  const long room = mapping_limit() - count_mappings() - kOthers;
  if (room < count) {
    budget.store(0, std::memory_order_relaxed);
    return false;
  }
  const long step = std::max(room / 2, std::min(room, kSmallestStep));
  budget.store(step - count, std::memory_order_relaxed);
  return true;
}

void map_budget_return(int count) noexcept { budget.fetch_add(count, std::memory_order_relaxed); }

}  // namespace posix_mmap
