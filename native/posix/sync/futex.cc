#include "posix/sync/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <ctime>

namespace posix_mmap {
namespace {

// Younger than the headers of Debian 11.
constexpr long kFutexWaitv = 449;
constexpr uint32_t kFutex32 = 2;

struct Waitv {
  uint64_t value;
  uint64_t address;
  uint32_t flags;
  uint32_t reserved;
};

constexpr int64_t kSecond = 1'000'000'000;

std::atomic<bool> forbidden{false};

timespec time_of(int64_t deadline) noexcept {
  return {.tv_sec = static_cast<time_t>(deadline / kSecond), .tv_nsec = deadline % kSecond};
}

long waitv(const Waitv* words, size_t count, const timespec* deadline) noexcept {
  return syscall(kFutexWaitv, words, count, 0, deadline, CLOCK_MONOTONIC);
}

}  // namespace

int64_t monotonic_now() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * kSecond + now.tv_nsec;
}

int64_t deadline_in(double milliseconds) noexcept {
  // A century: the sum stays far below what 64 bits hold.
  constexpr double kForever = 100.0 * 366 * 24 * 3600 * 1000;
  if (!(milliseconds < kForever)) return kNoDeadline;
  return monotonic_now() + static_cast<int64_t>(milliseconds > 0 ? milliseconds * 1e6 : 0);
}

int futex_wait(const uint32_t* word, uint32_t expected, int64_t deadline) noexcept {
  const timespec until = time_of(deadline);
  const timespec* const limit = deadline == kNoDeadline ? nullptr : &until;
  for (bool was_queued = false;; was_queued = true) {
    const long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected, limit, nullptr,
                                FUTEX_BITSET_MATCH_ANY);
    if (result == 0 || (errno == EAGAIN && was_queued)) return 0;
    if (errno != EINTR) return -errno;
  }
}

int futex_wake(const uint32_t* word, int count) noexcept {
  const long woken = syscall(SYS_futex, word, FUTEX_WAKE, count, nullptr, nullptr, 0);
  return woken >= 0 ? static_cast<int>(woken) : -errno;
}

int futex_move_waiter(const uint32_t* from, const uint32_t* to) noexcept {
  const uint32_t value = __atomic_load_n(from, __ATOMIC_SEQ_CST);
  const long moved = syscall(SYS_futex, from, FUTEX_CMP_REQUEUE, 0, 1L, to, value);
  return moved == 1 ? 1 : 0;
}

int futex_wait_any(const FutexWord* words, size_t count, int64_t deadline) noexcept {
  if (forbidden.load(std::memory_order_relaxed)) return -ENOSYS;
  std::array<Waitv, kMostFutexWords> list{};
  for (size_t i = 0; i < count; ++i) {
    list[i].value = words[i].expected;
    list[i].address = reinterpret_cast<uintptr_t>(words[i].word);
    list[i].flags = kFutex32;
  }
  const timespec until = time_of(deadline);
  const long woken = waitv(list.data(), count, deadline == kNoDeadline ? nullptr : &until);
  return woken >= 0 ? static_cast<int>(woken) : -errno;
}

bool futex_wait_any_supported() noexcept {
  if (forbidden.load(std::memory_order_relaxed)) return false;
  // No words at all: EINVAL from a kernel that has it, ENOSYS or EPERM from one, or a sandbox, that
  // has not.
  static const bool supported = waitv(nullptr, 0, nullptr) < 0 && errno == EINVAL;
  return supported;
}

void futex_wait_any_forbid(bool forbid) noexcept {
  forbidden.store(forbid, std::memory_order_relaxed);
}

}  // namespace posix_mmap
