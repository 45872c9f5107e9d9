// Many ranges that the kernel shall begin to read.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "posix/calls/read_ahead.h"
#include "posix/threads/region_work.h"

namespace posix_mmap {

struct OffsetRange {
  uint64_t offset = 0;
  uint64_t length = 0;
};

/// Each step ends when the kernel was given pages, or has told of so many that they are in memory.
class PrefetchSteps final : public RegionSteps {
 public:
  explicit PrefetchSteps(std::vector<OffsetRange> ranges) noexcept : ranges_(std::move(ranges)) {}

  int step(Region& region) noexcept override;
  bool more() const noexcept override { return next_ < ranges_.size(); }
  uint64_t done() const noexcept override { return done_; }

 private:
  const std::vector<OffsetRange> ranges_;
  ReadAhead ahead_;
  size_t next_ = 0;
  uint64_t within_ = 0;  ///< how much of the next range was added already
  uint64_t done_ = 0;
};

}  // namespace posix_mmap
