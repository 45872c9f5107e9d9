#include "posix/threads/region_work.h"

#include <cerrno>
#include <utility>

namespace posix_mmap {

RegionWork::RegionWork(Region& region, std::unique_ptr<RegionSteps> steps) noexcept
    : region_(region), steps_(std::move(steps)) {}

void RegionWork::do_steps() noexcept {
  int result = 0;
  while (result == 0 && steps_->more()) {
    if (cancelled_.load(std::memory_order_relaxed)) {
      result = -ECANCELED;
      break;
    }
    result = steps_->step(*region_);
    progress();
    if (result != 0) break;
    done_.store(steps_->done(), std::memory_order_release);
    if (steps_->more()) progressed();
  }
  if (result != 0) steps_->undo(*region_);
  region_.reset();
  finished(result);
}

}  // namespace posix_mmap
