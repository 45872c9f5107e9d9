#include "posix/condition.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <climits>

namespace posix_mmap {

void Condition::wait_for(std::unique_lock<std::mutex>& lock,
                         std::chrono::nanoseconds patience) noexcept {
  const uint32_t seen = notifications_.load(std::memory_order_relaxed);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience);
  timespec relative{};
  relative.tv_sec = seconds.count();
  relative.tv_nsec = (patience - seconds).count();
  lock.unlock();
  // Returns at once with EAGAIN if somebody has notified since; every other error is an early
  // return.
  syscall(SYS_futex, &notifications_, FUTEX_WAIT_PRIVATE, seen, &relative, nullptr, 0);
  lock.lock();
}

void Condition::notify_all() noexcept { notify(INT_MAX); }

void Condition::notify(int waiters) noexcept {
  notifications_.fetch_add(1, std::memory_order_relaxed);
  syscall(SYS_futex, &notifications_, FUTEX_WAKE_PRIVATE, waiters, nullptr, nullptr, 0);
}

}  // namespace posix_mmap
