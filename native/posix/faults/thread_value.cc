#include "posix/faults/thread_value.h"

#include <pthread.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

namespace posix_mmap {

/// Belongs to the thread `owner` while that is not 0. The value of an entry without an owner is
/// nullptr, so that a handler which interrupts a thread between taking an entry and setting its
/// value cannot read the value of the previous owner.
struct ThreadEntry {
  std::atomic<uintptr_t> owner{0};
  std::atomic<void*> value{nullptr};
  std::atomic<ThreadEntry*> next{nullptr};
};

namespace {

constexpr unsigned kBucketBits = 6;
constexpr size_t kBuckets = size_t{1} << kBucketBits;
constexpr size_t kCacheLine = 64;

/// A list that only grows: an entry that a thread leaves is taken by the next one, and none is
/// freed, since a handler may be reading it.
struct alignas(kCacheLine) Bucket {
  ThreadEntry first;
};

constinit std::array<Bucket, kBuckets> buckets{};
std::atomic<unsigned> added{0};

/// Two threads that live at the same time have different values, and none has 0. The value of a
/// thread that ended may come back, which is harmless: it has left its entry.
uintptr_t this_thread() noexcept { return static_cast<uintptr_t>(pthread_self()); }

ThreadEntry& first_entry(uintptr_t thread) noexcept {
  // Both C libraries give an address that differs from other threads' by multiples of large powers
  // of two. The multiplication carries those bits to the top (Fibonacci hashing).
  constexpr uint64_t kGoldenRatio = 0x9E3779B97F4A7C15;
  return buckets[(thread * kGoldenRatio) >> (64 - kBucketBits)].first;
}

ThreadEntry* entry_of(uintptr_t thread) noexcept {
  ThreadEntry* entry = &first_entry(thread);
  while (entry != nullptr && entry->owner.load(std::memory_order_relaxed) != thread) {
    entry = entry->next.load(std::memory_order_acquire);
  }
  return entry;
}

bool take(ThreadEntry& entry, uintptr_t thread) noexcept {
  uintptr_t nobody = 0;
  return entry.owner.load(std::memory_order_relaxed) == nobody &&
         entry.owner.compare_exchange_strong(nobody, thread, std::memory_order_acquire,
                                             std::memory_order_relaxed);
}

ThreadEntry* add_entry(ThreadEntry& first, uintptr_t thread) noexcept {
  auto* const entry = new (std::nothrow) ThreadEntry();
  if (entry == nullptr) return nullptr;
  entry->owner.store(thread, std::memory_order_relaxed);
  ThreadEntry* next = first.next.load(std::memory_order_relaxed);
  do {
    entry->next.store(next, std::memory_order_relaxed);
  } while (!first.next.compare_exchange_weak(next, entry, std::memory_order_acq_rel,
                                             std::memory_order_relaxed));
  added.fetch_add(1, std::memory_order_relaxed);
  return entry;
}

ThreadEntry& take_any(uintptr_t thread) noexcept {
  ThreadEntry& first = first_entry(thread);
  for (;;) {
    for (ThreadEntry* entry = &first; entry != nullptr;
         entry = entry->next.load(std::memory_order_acquire)) {
      if (take(*entry, thread)) return *entry;
    }
    if (ThreadEntry* const entry = add_entry(first, thread)) return *entry;
    sched_yield();
  }
}

}  // namespace

ThreadValue::ThreadValue(void* value) noexcept {
  const uintptr_t thread = this_thread();
  entry_ = entry_of(thread);
  if (entry_ == nullptr) entry_ = &take_any(thread);
  outer_ = entry_->value.load(std::memory_order_relaxed);
  entry_->value.store(value, std::memory_order_relaxed);
  // A handler on this thread must not find the old value once the constructor is left.
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

ThreadValue::~ThreadValue() {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  entry_->value.store(outer_, std::memory_order_relaxed);
  if (outer_ == nullptr) entry_->owner.store(0, std::memory_order_release);
}

void* ThreadValue::current() noexcept {
  const ThreadEntry* const entry = entry_of(this_thread());
  return entry == nullptr ? nullptr : entry->value.load(std::memory_order_relaxed);
}

unsigned thread_value_entries() noexcept {
  return static_cast<unsigned>(kBuckets) + added.load(std::memory_order_relaxed);
}

}  // namespace posix_mmap
