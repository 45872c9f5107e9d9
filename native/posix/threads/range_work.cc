#include "posix/threads/range_work.h"

#include <cerrno>

namespace posix_mmap {

RangeWork::RangeWork(Region& region, const RangeRequest& request) noexcept
    : region_(region), request_(request) {}

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
    reached = piece_end(region_->extent(), at, end, request_.piece);
    result = request_.call(*region_, at, reached - at, request_.argument);
    progress();
    if (result != 0) break;
    done_.store(reached - start, std::memory_order_release);
    if (reached < end) progressed();
  }
  if (result != 0 && request_.undo != nullptr) {
    request_.undo(*region_, start, reached - start, request_.argument);
  }
  region_.reset();
  finished(result);
}

}  // namespace posix_mmap
