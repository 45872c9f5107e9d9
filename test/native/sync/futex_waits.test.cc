// Many waits on few threads.
#include "posix/sync/futex_waits.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <deque>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "posix/sync/futex.h"
#include "support/memory.h"

using posix_mmap::cancel_futex_wait;
using posix_mmap::deadline_in;
using posix_mmap::futex_wait_any_forbid;
using posix_mmap::futex_wait_any_supported;
using posix_mmap::futex_wake;
using posix_mmap::kNoDeadline;
using posix_mmap::RegionUser;
using posix_mmap::start_futex_wait;

namespace {

constexpr int kWaiting = 1;

class TestWait final : public posix_mmap::FutexWait {
 public:
  explicit TestWait(const uint32_t* word, int64_t deadline = kNoDeadline, RegionUser pin = {})
      : FutexWait(word, 0, deadline, std::move(pin)) {}
  void finished(int value) noexcept override { result.store(value); }
  /// False if it takes longer than anything should.
  bool ends_with(int expected) const {
    for (int i = 0; i < 20'000 && result.load() == kWaiting; ++i) usleep(500);
    return result.load() == expected;
  }
  std::atomic<int> result{kWaiting};
};

void store(uint32_t& word, uint32_t value) { __atomic_store_n(&word, value, __ATOMIC_SEQ_CST); }

/// Runs the rest of the scope as on Linux 5.15.
class WithoutWaitv {
 public:
  explicit WithoutWaitv(bool forbidden) { futex_wait_any_forbid(forbidden); }
  ~WithoutWaitv() { futex_wait_any_forbid(false); }
  WithoutWaitv(const WithoutWaitv&) = delete;
  WithoutWaitv& operator=(const WithoutWaitv&) = delete;
};

}  // namespace

TEST_SUITE("futex_waits") {
  TEST_CASE("a wake-up finds a wait that was confirmed, and its end is told once") {
    if (!futex_wait_any_supported()) return;
    for (int i = 0; i < 200; ++i) {
      uint32_t word = 0;
      TestWait wait(&word);
      REQUIRE(start_futex_wait(wait, true) == 0);
      REQUIRE(futex_wake(&word, 10) == 1);
      REQUIRE(wait.ends_with(0));
      CHECK_FALSE(cancel_futex_wait(wait));
    }
  }

  TEST_CASE("a word that is another one is not waited for") {
    uint32_t word = 7;
    TestWait wait(&word);
    CHECK(start_futex_wait(wait, true) == -EAGAIN);
    CHECK(start_futex_wait(wait, false) == -EAGAIN);
    CHECK(wait.result.load() == kWaiting);
  }

  TEST_CASE("a store alone ends no wait that has a thread to itself, and its deadline does") {
    if (!futex_wait_any_supported()) return;
    uint32_t word = 0;
    const int64_t before = posix_mmap::monotonic_now();
    TestWait wait(&word, deadline_in(60));
    REQUIRE(start_futex_wait(wait, true) == 0);
    store(word, 1);
    CHECK(wait.ends_with(-ETIMEDOUT));
    CHECK(posix_mmap::monotonic_now() - before >= 60'000'000);
  }

  TEST_CASE("what was cancelled hears nothing, and the next in line is woken in its place") {
    uint32_t word = 0;
    TestWait cancelled(&word);
    TestWait other(&word);
    REQUIRE(start_futex_wait(cancelled, true) == 0);
    REQUIRE(start_futex_wait(other, true) == 0);
    CHECK(cancel_futex_wait(cancelled));
    CHECK_FALSE(cancel_futex_wait(cancelled));
    store(word, 1);
    // The kernel may still have the one that was cancelled first in its queue.
    CHECK(futex_wake(&word, 1) == 1);
    CHECK(other.ends_with(0));
    CHECK(cancelled.result.load() == kWaiting);
  }

  TEST_CASE("1000 words are waited for by a bounded number of threads") {
    for (const bool forbidden : {false, true}) {
      const WithoutWaitv scope(forbidden);
      std::vector<uint32_t> words(2500);
      std::deque<TestWait> waits;
      const auto count = forbidden ? size_t{300} : words.size();
      for (size_t i = 0; i < count; ++i) {
        waits.emplace_back(&words[i]);
        REQUIRE(start_futex_wait(waits.back(), false) == 0);
      }
      CHECK(posix_mmap::futex_wait_threads() <= posix_mmap::kWaitThreads);
      usleep(20'000);
      for (size_t i = count; i-- > 0;) {
        CHECK(waits[i].result.load() == kWaiting);
        store(words[i], 1);
        futex_wake(&words[i], 1);
      }
      for (const TestWait& wait : waits) CHECK(wait.ends_with(0));
    }
  }

  TEST_CASE("the memory of a wait stays until it has ended") {
    const testing::RegionPtr region = testing::map_anonymous(testing::kPage);
    auto* const word = reinterpret_cast<uint32_t*>(region->extent().data());
    TestWait woken(word, kNoDeadline, RegionUser(*region));
    TestWait cancelled(word, kNoDeadline, RegionUser(*region));
    REQUIRE(start_futex_wait(woken, true) == 0);
    REQUIRE(start_futex_wait(cancelled, true) == 0);
    CHECK(region->users() == 3);
    CHECK(cancel_futex_wait(cancelled));
    store(*word, 1);
    futex_wake(word, 5);
    CHECK(woken.ends_with(0));
    for (int i = 0; i < 2000 && region->users() != 1; ++i) usleep(500);
    CHECK(region->users() == 1);
  }

  TEST_CASE("threads that start, wake and cancel at once lose no wait") {
    for (const bool forbidden : {false, true}) {
      const WithoutWaitv scope(forbidden);
      constexpr int kRounds = 300;
      std::vector<std::thread> threads;
      std::atomic<int> ended{0};
      for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&ended, forbidden, t] {
          for (int i = 0; i < (forbidden ? kRounds / 10 : kRounds); ++i) {
            uint32_t word = 0;
            TestWait wait(&word);
            if (start_futex_wait(wait, i % 2 == 0) != 0) continue;
            const bool cancelled = (i + t) % 3 == 0 && cancel_futex_wait(wait);
            store(word, 1);
            futex_wake(&word, 1);
            if (cancelled || wait.ends_with(0)) ++ended;
          }
        });
      }
      for (std::thread& thread : threads) thread.join();
      CHECK(ended.load() == 4 * (forbidden ? kRounds / 10 : kRounds));
    }
  }
}
