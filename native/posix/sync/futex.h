// futex(2) and futex_waitv(2) on words that several processes may share.
#pragma once

#include <cstddef>
#include <cstdint>

namespace posix_mmap {

/// Nanoseconds of CLOCK_MONOTONIC, which no change of the clock on the wall reaches.
int64_t monotonic_now() noexcept;

inline constexpr int64_t kNoDeadline = INT64_MAX;

/// The time `milliseconds` from now, kNoDeadline for infinity and for what no clock will show.
int64_t deadline_in(double milliseconds) noexcept;

/// FUTEX_WAIT_BITSET — 0 when woken, -EAGAIN when the word is not `expected`, -ETIMEDOUT, -EFAULT.
/// A signal handler that runs meanwhile does not end it.
int futex_wait(const uint32_t* word, uint32_t expected, int64_t deadline) noexcept;

/// FUTEX_WAKE — how many waiters were woken, in the order in which they came; or -errno.
int futex_wake(const uint32_t* word, int count) noexcept;

/// FUTEX_CMP_REQUEUE of one waiter, who goes on sleeping: 1 if there was one at `from`, else 0.
int futex_move_waiter(const uint32_t* from, const uint32_t* to) noexcept;

struct FutexWord {
  const uint32_t* word = nullptr;
  uint32_t expected = 0;
};

/// FUTEX_WAITV_MAX.
inline constexpr size_t kMostFutexWords = 128;

/// futex_waitv(2), Linux 5.16 — the index of a word that was woken, the last one if there are
/// several; -EAGAIN when a word is not what is expected, -ETIMEDOUT, -EINTR, -EFAULT; -ENOSYS where
/// the kernel or a sandbox does not let it.
int futex_wait_any(const FutexWord* words, size_t count, int64_t deadline) noexcept;

/// Whether futex_wait_any() works here.
bool futex_wait_any_supported() noexcept;

/// For tests: has futex_wait_any() not work from now on, as on Linux 5.15.
void futex_wait_any_forbid(bool forbidden) noexcept;

}  // namespace posix_mmap
