// Detached buffers that still keep addresses taken, because a request in flight may be using them:
// the addresses are given back when the JS object has been collected.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <unordered_set>

#include "napi_setup.h"

namespace posix_mmap {

class ExternalBuffer;

class Quarantine {
 public:
  explicit Quarantine(napi_env env) : env_(env) {}
  Quarantine(const Quarantine&) = delete;
  Quarantine& operator=(const Quarantine&) = delete;

  /// `bytes` of addresses wait for `buffer`.
  void add(ExternalBuffer* buffer, uint64_t bytes);
  /// The addresses are free again. On any thread.
  void ended(uint64_t bytes);
  /// The record of a buffer is about to be deleted.
  void forget(ExternalBuffer* buffer) { waiting_.erase(buffer); }

  /// How many buffers wait.
  size_t count() const { return count_.load(std::memory_order_relaxed); }

  /// Gives back the addresses of buffers whose JS objects are gone, without waiting for the event
  /// loop to say so. `force` has V8 collect garbage first.
  void sweep(bool force);
  /// Sweeps if very much waits. Called after buffers may have been added.
  void sweep_if_due();

 private:
  // Far below what a process may have (65,530 VMAs, 128 TiB of addresses), and far above what a
  // program that lets its event loop turn ever gathers.
  static constexpr size_t kSweepCount = 4000;
  static constexpr uint64_t kSweepBytes = uint64_t{4} << 40;

  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  napi_env env_;
  std::unordered_set<ExternalBuffer*> waiting_;
  std::atomic<size_t> count_{0};
  std::atomic<uint64_t> bytes_{0};
  size_t sweep_at_ = kSweepCount;
  uint64_t sweep_at_bytes_ = kSweepBytes;
};

}  // namespace posix_mmap
