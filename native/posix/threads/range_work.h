// A system call on a long range, made in the background and piece by piece, so that it can be
// stopped and its progress be read.
#pragma once

#include <atomic>
#include <cstdint>

#include "posix/region/region.h"
#include "posix/threads/background.h"

namespace posix_mmap {

/// 0 or -errno.
using RangeCall = int (*)(Region& region, uint64_t offset, uint64_t length, int argument);

struct RangeRequest {
  RangeCall call = nullptr;
  RangeCall undo =
      nullptr;  ///< for the pieces before an error or a cancellation, if it shall undo them
  uint64_t offset = 0;
  uint64_t length = 0;
  uint64_t piece = 0;  ///< in bytes, whole pages
  int argument = 0;    ///< handed to `call`
};

/// Is a user of its region until it has ended, so that an unmap() meanwhile takes effect
/// afterwards.
class RangeWork : public BackgroundTask {
 public:
  RangeWork(Region& region, const RangeRequest& request) noexcept;

  /// Makes the work stop before its next piece. On any thread.
  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  /// How many bytes are done.
  uint64_t done() const noexcept { return done_.load(std::memory_order_acquire); }

  void run() noexcept final;

 protected:
  /// Called after each piece but the last.
  virtual void progressed() noexcept {}
  /// Called last, with 0, -errno or -ECANCELED; may delete the work.
  virtual void finished(int result) noexcept = 0;

 private:
  RegionUser region_;
  const RangeRequest request_;
  std::atomic<bool> cancelled_{false};
  std::atomic<uint64_t> done_{0};
};

}  // namespace posix_mmap
