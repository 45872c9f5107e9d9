// A system call on a long range, a piece of the range in each step.
#pragma once

#include <cstdint>

#include "posix/threads/region_work.h"

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

class RangeSteps final : public RegionSteps {
 public:
  explicit RangeSteps(const RangeRequest& request) noexcept
      : request_(request), reached_(request.offset) {}

  int step(Region& region) noexcept override;
  bool more() const noexcept override { return reached_ < request_.offset + request_.length; }
  uint64_t done() const noexcept override { return reached_ - request_.offset; }
  void undo(Region& region) noexcept override;

 private:
  const RangeRequest request_;
  uint64_t reached_;
};

}  // namespace posix_mmap
