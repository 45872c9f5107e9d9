// A system call on a long range, in the background and piece by piece, so that it can be stopped
// and tell how far it is.
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
      nullptr;  ///< for what was done before an error or a cancellation, if it is to go
  uint64_t offset = 0;
  uint64_t length = 0;
  uint64_t piece = 0;  ///< in bytes, whole pages
  int argument = 0;    ///< handed to `call`
};

/// Is a user of its region until it has ended: unmap() waits for it in the background.
class RangeWork : public BackgroundTask {
 public:
  RangeWork(Region& region, const RangeRequest& request) noexcept;

  /// Stops between two pieces. On any thread.
  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  /// In bytes.
  uint64_t done() const noexcept { return done_.load(std::memory_order_acquire); }

  void run() noexcept final;

 protected:
  /// After each piece but the last.
  virtual void progressed() noexcept {}
  /// 0, -errno or -ECANCELED. The last thing that happens; may delete the work.
  virtual void finished(int result) noexcept = 0;

 private:
  RegionUser region_;
  const RangeRequest request_;
  std::atomic<bool> cancelled_{false};
  std::atomic<uint64_t> done_{0};
};

}  // namespace posix_mmap
