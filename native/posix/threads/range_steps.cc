#include "posix/threads/range_steps.h"

namespace posix_mmap {

int RangeSteps::step(Region& region) noexcept {
  const uint64_t at = reached_;
  const uint64_t end = request_.offset + request_.length;
  reached_ = piece_end(region.extent(), at, end, request_.piece);
  return request_.call(region, at, reached_ - at, request_.argument);
}

void RangeSteps::undo(Region& region) noexcept {
  if (request_.undo == nullptr) return;
  request_.undo(region, request_.offset, reached_ - request_.offset, request_.argument);
}

}  // namespace posix_mmap
