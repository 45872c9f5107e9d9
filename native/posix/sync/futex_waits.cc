#include "posix/sync/futex_waits.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <mutex>
#include <utility>
#include <vector>

#include "posix/detached_thread.h"
#include "posix/sync/futex.h"

namespace posix_mmap {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
/// After which a thread that has nothing to wait for ends.
constexpr int64_t kPatience = 5000 * kMillisecond;
/// For which the kernel is given some of the words when it cannot wait for all of them.
constexpr int64_t kSlice = 5 * kMillisecond;
/// The first is what the thread is called by; the last tells that those before it are queued.
constexpr size_t kMostWaits = kMostFutexWords - 2;

uint32_t load(const uint32_t* word) noexcept { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }

}  // namespace

class WaitThread {
 public:
  std::vector<FutexWait*> waits;  ///< in the order in which they came
  std::vector<RegionUser> left;   ///< by waits that ended while the kernel had their address
  uint64_t round = 0;
  bool in_kernel = false;
  bool queued = false;       ///< all words of this round are known to be in the kernel's queues
  bool mismatch = false;     ///< the kernel has just found a word that is not what is expected
  size_t turn = 0;           ///< which of the waits the kernel is given next, if not all
  uint32_t calls = 0;        ///< a word of the thread's own, to call it by
  uint32_t markers[2] = {};  ///< of even and of odd rounds
  uint32_t aside = 0;        ///< where a marker goes that was seen
};

// Everything is under one mutex, except waiting itself and calls of finished().
class FutexWaits {
 public:
  /// Never destroyed: its threads go on while the process ends.
  static FutexWaits& instance() noexcept {
    static FutexWaits& only = *new FutexWaits();
    return only;
  }

  int start(FutexWait& wait, bool confirm) noexcept {
    std::unique_lock<std::mutex> lock(mutex_);
    if (load(wait.word_) != wait.expected_) return -EAGAIN;
    WaitThread* thread = nullptr;
    const int error = choose(thread);
    if (error != 0) return error;
    wait.serial_ = ++serial_;
    wait.thread_ = thread;
    wait.confirming_ = confirm && futex_wait_any_supported();
    thread->waits.push_back(&wait);
    call(*thread);
    return wait.confirming_ ? await_queued(wait, lock) : 0;
  }

  bool cancel(FutexWait& wait) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    WaitThread* const thread = wait.thread_;
    if (thread == nullptr) return false;
    if (wait.outcome_ == 0) futex_wake(wait.word_, 1);
    RegionUser pin = remove(*thread, wait);
    if (pin && thread->in_kernel) thread->left.push_back(std::move(pin));
    call(*thread);
    return true;
  }

  int threads() noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    return static_cast<int>(threads_.size());
  }

 private:
  /// What the kernel is given at once.
  struct Round {
    std::array<FutexWord, kMostFutexWords> words;
    std::array<uint64_t, kMostFutexWords> serials{};
    size_t count = 0;
    int64_t deadline = kNoDeadline;
    bool all_at_once = false;
  };

  int choose(WaitThread*& out) noexcept {
    const auto waits_of = [](const WaitThread* thread) { return thread->waits.size(); };
    const auto least = std::ranges::min_element(threads_, {}, waits_of);
    out = least == threads_.end() ? nullptr : *least;
    if (out != nullptr && (out->waits.empty() || threads_.size() >= kWaitThreads)) return 0;
    auto* const made = new WaitThread();
    const auto body = [](void* self) -> void* {
      instance().serve(*static_cast<WaitThread*>(self));
      return nullptr;
    };
    const int error = start_detached_thread(body, made);
    if (error != 0) {
      delete made;
      return out == nullptr ? -error : 0;
    }
    threads_.push_back(made);
    out = made;
    return 0;
  }

  static void call(WaitThread& thread) noexcept {
    __atomic_fetch_add(&thread.calls, 1, __ATOMIC_SEQ_CST);
    if (thread.in_kernel) futex_wake(&thread.calls, 1);
  }

  /// Its pin is the caller's then.
  static RegionUser remove(WaitThread& thread, FutexWait& wait) noexcept {
    std::erase(thread.waits, &wait);
    wait.thread_ = nullptr;
    return std::move(wait.pin_);
  }

  /// Returns when the marker of the wait's round is in its queue, and with it all words before.
  int await_queued(FutexWait& wait, std::unique_lock<std::mutex>& lock) noexcept {
    WaitThread& thread = *wait.thread_;
    for (unsigned tries = 0; !wait.queued_ && !wait.different_; ++tries) {
      if (!futex_wait_any_supported()) break;
      if (wait.round_ == thread.round && thread.in_kernel) {
        const uint32_t& marker = thread.markers[thread.round % 2];
        // Only once, since it is another word's waiter afterwards.
        thread.queued = thread.queued || futex_move_waiter(&marker, &thread.aside) == 1;
        if (thread.queued) break;
      }
      lock.unlock();
      if (tries < 16) {
        sched_yield();
      } else {
        const timespec pause{.tv_sec = 0, .tv_nsec = 50'000};
        nanosleep(&pause, nullptr);
      }
      lock.lock();
    }
    wait.confirming_ = false;
    if (!wait.different_) {
      // It may have ended meanwhile, which its thread has kept to itself. Otherwise the thread must
      // not be disturbed, since it would take the word out of the queue again.
      if (wait.outcome_ != FutexWait::kPending) call(thread);
      return 0;
    }
    wait.pin_ = remove(thread, wait);
    return -EAGAIN;
  }

  void serve(WaitThread& self) noexcept {
    std::unique_lock<std::mutex> lock(mutex_);
    Round round;
    int result = 0;
    do {
      deliver(self, lock);
      prepare(self, round);
      self.in_kernel = true;
      lock.unlock();
      const FutexWord& only = round.words[0];
      result = round.all_at_once ? futex_wait_any(round.words.data(), round.count, round.deadline)
                                 : futex_wait(only.word, only.expected, round.deadline);
      lock.lock();
      self.in_kernel = false;
      take(self, round, result);
    } while (result != -ETIMEDOUT || !self.waits.empty());
    std::erase(threads_, &self);
    delete &self;
  }

  /// Calls finished() until there is nobody left to call, without the lock.
  void deliver(WaitThread& self, std::unique_lock<std::mutex>& lock) noexcept {
    struct Ended {
      FutexWait* wait;
      RegionUser pin;
      int outcome;
    };
    for (;;) {
      std::vector<RegionUser> pins = std::exchange(self.left, {});
      std::vector<Ended> ended;
      settle(self);
      for (size_t i = 0; i < self.waits.size();) {
        FutexWait& wait = *self.waits[i];
        if (wait.outcome_ == FutexWait::kPending || wait.confirming_) {
          ++i;
          continue;
        }
        RegionUser pin = remove(self, wait);
        ended.push_back({&wait, std::move(pin), wait.outcome_});
      }
      if (pins.empty() && ended.empty()) return;
      lock.unlock();
      pins.clear();
      for (auto& [wait, pin, outcome] : ended) {
        pin.reset();
        wait->finished(outcome);
      }
      lock.lock();
    }
  }

  /// Looks at deadlines, and at words that the kernel was not waiting for all of the time.
  static void settle(WaitThread& self) noexcept {
    if (self.waits.empty()) return;
    const int64_t now = monotonic_now();
    const bool all_exact = self.waits.size() == 1 && !self.mismatch && futex_wait_any_supported();
    for (FutexWait* const wait : self.waits) {
      if (wait->outcome_ != FutexWait::kPending) continue;
      const bool entering = wait->confirming_ && !wait->queued_;
      const bool exact = all_exact && wait->queued_;
      if (!exact && load(wait->word_) != wait->expected_) {
        if (entering) {
          wait->different_ = true;
        } else {
          wait->outcome_ = 0;
        }
      } else if (wait->deadline_ <= now) {
        wait->outcome_ = -ETIMEDOUT;
        if (entering) wait->queued_ = true;  // for no time at all
      }
    }
  }

  static void prepare(WaitThread& self, Round& round) noexcept {
    ++self.round;
    self.queued = false;
    round.words[0] = {&self.calls, self.calls};
    round.serials[0] = 0;
    round.count = 1;
    round.all_at_once = futex_wait_any_supported();
    round.deadline = self.waits.empty() ? monotonic_now() + kPatience : kNoDeadline;
    size_t pending = 0;
    for (const FutexWait* const wait : self.waits) {
      if (wait->outcome_ != FutexWait::kPending) continue;
      round.deadline = std::min(round.deadline, wait->deadline_);
      ++pending;
    }
    const size_t most = round.all_at_once ? kMostWaits : 1;
    const bool in_turn = pending > (round.all_at_once ? most : 0);
    if (in_turn) round.deadline = std::min(round.deadline, monotonic_now() + kSlice);
    if (!round.all_at_once && pending > 0) round.count = 0;
    const size_t first = in_turn ? self.turn % pending : 0;
    size_t index = 0;
    size_t given = 0;
    for (FutexWait* const wait : self.waits) {
      if (wait->outcome_ != FutexWait::kPending) continue;
      if (index++ < first || given == most) continue;
      ++given;
      wait->round_ = self.round;
      round.serials[round.count] = wait->serial_;
      round.words[round.count++] = {wait->word_, wait->expected_};
    }
    self.turn = in_turn && index > first + given ? first + given : 0;
    if (!round.all_at_once) return;
    round.serials[round.count] = 0;
    round.words[round.count++] = {&self.markers[self.round % 2], 0};
  }

  static void take(WaitThread& self, const Round& round, int result) noexcept {
    self.mismatch = result == -EAGAIN;
    const bool was_queued = round.all_at_once && (result >= 0 || result == -ETIMEDOUT);
    const uint64_t woken = result >= 0 ? round.serials[static_cast<size_t>(result)] : 0;
    bool found = woken == 0;
    for (FutexWait* const wait : self.waits) {
      if (was_queued && wait->round_ == self.round) wait->queued_ = true;
      if (wait->serial_ != woken || wait->outcome_ != FutexWait::kPending) continue;
      wait->outcome_ = 0;
      found = true;
    }
    // It was cancelled before, so that somebody else is meant.
    if (!found) futex_wake(round.words[static_cast<size_t>(result)].word, 1);
  }

  std::mutex mutex_;
  std::vector<WaitThread*> threads_;
  uint64_t serial_ = 0;
};

int start_futex_wait(FutexWait& wait, bool confirm) noexcept {
  return FutexWaits::instance().start(wait, confirm);
}

bool cancel_futex_wait(FutexWait& wait) noexcept { return FutexWaits::instance().cancel(wait); }

int futex_wait_threads() noexcept { return FutexWaits::instance().threads(); }

}  // namespace posix_mmap
