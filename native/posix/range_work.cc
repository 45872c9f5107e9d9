#include "range_work.h"

#include <algorithm>
#include <cerrno>

namespace posix_mmap {

RangeWork::RangeWork(Region& region, const RangeRequest& request) noexcept
    : region_(region), request_(request) {
  region_.join();
}

uint64_t RangeWork::end_of_piece(uint64_t offset) const noexcept {
  // Pieces meet at page ends, or the page in which they meet would be worked on twice.
  const uint64_t lead = region_.extent().lead;
  const uint64_t next = ((lead + offset) / request_.piece + 1) * request_.piece - lead;
  return std::min(next, request_.offset + request_.length);
}

void RangeWork::run() noexcept {
  const uint64_t start = request_.offset;
  const uint64_t end = start + request_.length;
  uint64_t reached = start;
  int result = 0;
  for (uint64_t at = start; at < end && result == 0; at = reached) {
    if (cancelled_.load(std::memory_order_relaxed)) {
      result = -ECANCELED;
      break;
    }
    reached = end_of_piece(at);
    result = request_.call(region_, at, reached - at, request_.argument);
    if (result != 0) break;
    done_.store(reached - start, std::memory_order_release);
    if (reached < end) progressed();
  }
  if (result != 0 && request_.undo != nullptr) {
    request_.undo(region_, start, reached - start, request_.argument);
  }
  region_.part();
  finished(result);
}

}  // namespace posix_mmap
