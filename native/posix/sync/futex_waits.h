// Waiting for many words at once, on threads of the package's own: a thread of libuv's pool that
// waits is one that reads no file.
#pragma once

#include <cstdint>
#include <utility>

#include "posix/region/region_users.h"

namespace posix_mmap {

class WaitThread;

/// One wait. The word must stay readable until finished() is called or cancel_futex_wait() has
/// returned true. `pin`, which may be empty, is let go of when the wait has ended.
class FutexWait {
 public:
  FutexWait(const uint32_t* word, uint32_t expected, int64_t deadline, RegionUser pin) noexcept
      : word_(word), expected_(expected), deadline_(deadline), pin_(std::move(pin)) {}
  FutexWait(const FutexWait&) = delete;
  FutexWait& operator=(const FutexWait&) = delete;
  virtual ~FutexWait() = default;

  /// Called once, on a thread of the package's: 0, or -ETIMEDOUT. May delete the wait.
  virtual void finished(int result) noexcept = 0;

 private:
  friend class FutexWaits;
  static constexpr int kPending = 1;

  const uint32_t* const word_;
  const uint32_t expected_;
  const int64_t deadline_;
  RegionUser pin_;
  uint64_t serial_ = 0;
  WaitThread* thread_ = nullptr;  ///< nullptr once it has ended
  uint64_t round_ = 0;            ///< of the thread, in which the kernel was last given the word
  int outcome_ = kPending;
  bool confirming_ = false;  ///< somebody waits in start_futex_wait() until the wait is queued
  bool queued_ = false;      ///< the kernel has had the word in its queue
  bool different_ = false;   ///< the word changed before that
};

/// How many of these threads there are at most in a process. As many waits have a thread to
/// themselves and are as exact as FUTEX_WAIT. Those that share one are exact for whoever changes
/// the word before waking, as every lock does: the kernel tells of one word when several are woken
/// at once, and of none that is woken while another is added.
inline constexpr int kWaitThreads = 16;

/// Starts to wait: 0, or -errno of pthread_create(3), or -EAGAIN when the word is not what is
/// expected; finished() is not called after these. With `confirm`
/// it returns when a futex_wake() would find the wait, where futex_waitv(2) works.
int start_futex_wait(FutexWait& wait, bool confirm) noexcept;

/// Ends a wait without a call of finished(): true; false when that call was made or is to come.
bool cancel_futex_wait(FutexWait& wait) noexcept;

/// How many of these threads there are now.
int futex_wait_threads() noexcept;

}  // namespace posix_mmap
