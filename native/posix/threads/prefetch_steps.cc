#include "posix/threads/prefetch_steps.h"

#include <cerrno>

namespace posix_mmap {
namespace {

/// mincore(2) takes 20 ns for a page, so that a step with nothing to read takes milliseconds.
constexpr uint64_t kMostBytes = uint64_t{1} << 30;

/// For each range, so that a step with very many short ones ends as well.
constexpr uint64_t kRangeBytes = uint64_t{64} << 10;

}  // namespace

int PrefetchSteps::step(Region& region) noexcept {
  const size_t before = ahead_.submitted();
  int result = 0;
  for (uint64_t looked = 0; more() && looked < kMostBytes && ahead_.submitted() == before;) {
    const OffsetRange& range = ranges_[next_];
    // Before any arithmetic with the two: what is behind a handle may have become shorter.
    if (!contains(region.extent(), range.offset, range.length)) return -ERANGE;
    const uint64_t at = range.offset + within_;
    const uint64_t end = range.offset + range.length;
    const uint64_t stop =
        at < end ? piece_end(region.extent(), at, end, ReadAhead::kMostBytes) : at;
    result = ahead_.add(region, at, stop - at);
    if (result != 0) return result;
    looked += kRangeBytes + (stop - at);
    done_ += stop - at;
    within_ += stop - at;
    if (stop < end) continue;
    ++next_;
    within_ = 0;
  }
  return more() ? 0 : ahead_.submit();
}

}  // namespace posix_mmap
