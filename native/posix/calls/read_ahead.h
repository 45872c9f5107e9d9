// madvise(2) with MADV_WILLNEED, of many pages in one process_madvise(2).
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// Has the kernel begin to read pages that are not in memory. They are gathered until there are
/// many, since a call costs more than a short range does.
class ReadAhead {
 public:
  ReadAhead() = default;
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// Adds the pages that a range touches, but for those that mincore(2) finds in memory: 0, or
  /// -errno as submit(); -EINVAL for more than kMostBytes.
  int add(Region& region, uint64_t offset, uint64_t length) noexcept;
  static constexpr uint64_t kMostBytes = uint64_t{16} << 20;

  /// process_madvise(2) on oneself (Linux 5.10, and without CAP_SYS_NICE 6.13), or madvise(2) for
  /// each range — begins to read what was added: 0 or -errno.
  int submit() noexcept;
  /// How often pages were given to the kernel.
  size_t submitted() const noexcept { return submitted_; }

 private:
  static constexpr size_t kMostRanges = 1024;  // UIO_MAXIOV
  /// Of that many bytes, where pages are as small as they can be and the first is no whole one.
  static constexpr size_t kMostPages = size_t{4} * 1024 + 1;

  int add_pages(std::byte* start, size_t length) noexcept;
  /// How many bytes the kernel took in one call.
  size_t advise_at_once() noexcept;

  std::array<iovec, kMostRanges> ranges_;
  size_t count_ = 0;
  size_t submitted_ = 0;
  int self_ = -1;  ///< pidfd of this process
};

/// For tests: has process_madvise(2) not be called from now on, as on Linux 5.9.
void process_madvise_forbid(bool forbidden) noexcept;

}  // namespace posix_mmap
