#include "posix/condition.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "support/memory.h"

using posix_mmap::Condition;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST_CASE("condition: without a notification the wait ends when the time is over") {
  Condition condition;
  std::mutex mutex;
  std::unique_lock<std::mutex> lock(mutex);
  const auto start = steady_clock::now();
  CHECK_FALSE(condition.wait_for(lock, milliseconds(30), [] { return false; }));
  CHECK(steady_clock::now() - start >= milliseconds(30));
  CHECK(lock.owns_lock());
  CHECK(condition.wait_for(lock, milliseconds(0), [] { return true; }));
}

TEST_CASE("condition: no notification is missed, and each wakes one who waits") {
  constexpr uint64_t kItems = 20'000;
  constexpr size_t kThreads = 3;
  Condition condition;
  std::mutex mutex;
  uint64_t ready = 0;
  std::atomic<uint64_t> taken{0};
  std::atomic<size_t> late{0};
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      while (taken < kItems) {
        std::unique_lock<std::mutex> lock(mutex);
        const bool woken = condition.wait_for(lock, milliseconds(60'000),
                                              [&] { return ready > 0 || taken >= kItems; });
        if (!woken) ++late;
        if (ready == 0) continue;
        --ready;
        if (++taken == kItems) condition.notify_all();
      }
    });
  }
  for (uint64_t item = 0; item < kItems; ++item) {
    const std::lock_guard<std::mutex> lock(mutex);
    ++ready;
    condition.notify_one();
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(late == 0);
  CHECK(taken == kItems);
}
