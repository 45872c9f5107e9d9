#include "posix/region/map_budget.h"

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>

#include "posix/region/map_count.h"

namespace posix_mmap {
namespace {

// What the engine, its threads and malloc(3) may need while the program learns of ENOMEM and
// unmaps.
constexpr long kOthers = 1024;
// What only repairs may use besides: without a VMA of its own, a page costs its neighbours'
// content.
constexpr long kForRepairs = 1024;
// What may be made without any idea of how many there are, because /proc cannot be read.
constexpr long kBlind = 4000;

// Counting takes some 0.3 µs a VMA, 20 ms at the limit. It may take a tenth of the time, and more
// only while others use up what is left: half of them must still be there at the next count.
constexpr int64_t kShare = 10;
constexpr int64_t kNanosecondsPerOther = 1000;  // how fast somebody else may map, unobserved so far
constexpr int64_t kPatience = 100'000'000;      // nanoseconds from one refusal to the next count

std::atomic<long> left{0};                 // VMAs that the process may still make, everybody's
std::atomic<long> count_below{INT32_MAX};  // count again when fewer are left
std::atomic<int64_t> count_at{0};          // and at this time
std::atomic<int64_t> patient_until{0};     // after a refusal
std::atomic<long> made{0};                 // net, of ours
std::atomic<bool> counting{false};

// The others belong to whoever is counting.
int64_t counted_at = 0;
int last_error = 0;

int64_t now() noexcept {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// When to count again, so many VMAs being left at `time`, after a count that took `cost`.
int64_t next_count(long room, long others, int64_t elapsed, int64_t time, int64_t cost) noexcept {
  const int64_t usual = std::max(kShare * cost, room * kNanosecondsPerOther);
  if (others <= 0 || elapsed <= 0) return time + usual;
  // At the rate of the others, a quarter of what is left will be gone then.
  const auto soon = static_cast<int64_t>(
      static_cast<double>(elapsed) / static_cast<double>(others) * static_cast<double>(room) / 4);
  return time + std::clamp(soon, std::min(cost, usual), usual);
}

void count_now(int64_t time) noexcept {
  long maps = 0;
  last_error = count_maps(maps);
  const int64_t end = now();
  if (last_error != 0) {
    left.store(kBlind - made.load(std::memory_order_relaxed) + kOthers + kForRepairs,
               std::memory_order_relaxed);
    count_below.store(0, std::memory_order_relaxed);
    count_at.store(end + kPatience, std::memory_order_relaxed);
    return;
  }
  const long room = std::max(map_limit() - maps, 0L);
  const bool first = counted_at == 0;
  const long others = first ? 0 : left.load(std::memory_order_relaxed) - room;
  count_at.store(next_count(room, others, time - counted_at, end, end - time),
                 std::memory_order_relaxed);
  left.store(room, std::memory_order_relaxed);
  counted_at = end;
  count_below.store(room / 2, std::memory_order_relaxed);
}

/// Takes `count` if `reserve` are left then: 0 or -errno.
int take(long count, long reserve) noexcept {
  int64_t time = now();
  const long after = left.fetch_sub(count, std::memory_order_relaxed) - count;
  const bool fresh = time < count_at.load(std::memory_order_relaxed);
  int result = 0;
  if (!fresh || after < count_below.load(std::memory_order_relaxed) || after < reserve) {
    // A signal handler may come here, but not on the thread that is counting, which touches no
    // region.
    while (counting.exchange(true, std::memory_order_acquire)) sched_yield();
    time = now();
    const bool refused = left.load(std::memory_order_relaxed) < reserve;
    const bool due =
        time >= count_at.load(std::memory_order_relaxed) ||
        left.load(std::memory_order_relaxed) < count_below.load(std::memory_order_relaxed);
    if (refused ? time >= patient_until.load(std::memory_order_relaxed) : due) {
      left.fetch_add(count, std::memory_order_relaxed);  // not made yet
      count_now(time);
      left.fetch_sub(count, std::memory_order_relaxed);
    }
    if (left.load(std::memory_order_relaxed) < reserve) {
      const bool descriptors = last_error == -EMFILE || last_error == -ENFILE;
      result = descriptors ? last_error : -ENOMEM;
      // A count that failed was cheap, and the next may succeed: a descriptor may be closed by
      // then.
      if (last_error == 0 && time >= patient_until.load(std::memory_order_relaxed)) {
        patient_until.store(now() + kPatience, std::memory_order_relaxed);
      }
    }
    counting.store(false, std::memory_order_release);
  }
  if (result == 0) {
    made.fetch_add(count, std::memory_order_relaxed);
  } else {
    left.fetch_add(count, std::memory_order_relaxed);
  }
  return result;
}

}  // namespace

int map_budget_ask(int count) noexcept { return take(count, kOthers + kForRepairs); }

bool map_budget_repair(int count, Repairs reach) noexcept {
  return take(count, reach == Repairs::roomy ? kOthers : kOthers / 2) == 0;
}

void map_budget_return() noexcept {
  left.fetch_add(1, std::memory_order_relaxed);
  made.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace posix_mmap
