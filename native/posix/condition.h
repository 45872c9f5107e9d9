// A condition variable for use with std::mutex. std::condition_variable needs
// pthread_cond_timedwait, of which glibc has two incompatible versions on x64; a binary for both C
// libraries cannot say which.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>

namespace posix_mmap {

class Condition {
 public:
  void notify_one() noexcept { notify(1); }
  void notify_all() noexcept;

  /// Unlocks, waits until the next notify or until `patience` is over on the monotonic clock, and
  /// locks again. May return earlier; the caller asks again for what it waits for.
  void wait_for(std::unique_lock<std::mutex>& lock, std::chrono::nanoseconds patience) noexcept;

  /// Waits until `ready()`, which it asks with the lock held: what that said last.
  template <typename Ready>
  bool wait_for(std::unique_lock<std::mutex>& lock, std::chrono::nanoseconds patience,
                Ready ready) noexcept {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!ready()) {
      const auto left = end - std::chrono::steady_clock::now();
      if (left <= left.zero()) return ready();
      wait_for(lock, left);
    }
    return true;
  }

 private:
  void notify(int waiters) noexcept;

  /// Counts the notifications, so that none is missed between the unlock and the wait.
  std::atomic<uint32_t> notifications_{0};
};

}  // namespace posix_mmap
