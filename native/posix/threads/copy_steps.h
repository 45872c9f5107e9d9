// A copy out of a region that may wait for a disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "posix/region/fault_log.h"
#include "posix/threads/region_work.h"

namespace posix_mmap {

/// One step. The copy is in memory of its own, since that of a JavaScript engine may go before the
/// step has ended.
class CopySteps final : public RegionSteps {
 public:
  /// So many bytes behind the range, `ahead`, are read in as well, and not waited for.
  CopySteps(uint64_t offset, uint64_t length, uint64_t ahead) noexcept
      : offset_(offset), length_(length), ahead_(ahead) {}

  int step(Region& region) noexcept override;
  bool more() const noexcept override { return !done_; }
  uint64_t done() const noexcept override { return done_ ? length_ : 0; }

  uint64_t length() const noexcept { return length_; }
  /// nullptr unless the step has ended well.
  const std::byte* bytes() const noexcept { return bytes_.get(); }
  /// What ended the copy; kind none for nothing.
  const Fault& fault() const noexcept { return fault_; }

 private:
  const uint64_t offset_;
  const uint64_t length_;
  const uint64_t ahead_;
  std::unique_ptr<std::byte[]> bytes_;
  Fault fault_;
  bool done_ = false;
};

}  // namespace posix_mmap
