#include "posix/region/fault_causes.h"

#include <algorithm>
#include <new>

namespace posix_mmap {

FaultCauses::Cause* FaultCauses::place_of(size_t page) noexcept {
  if (causes_ == nullptr) return nullptr;
  const auto found = std::find_if(causes_->begin(), causes_->end(), [page](const Cause& cause) {
    return cause.used && cause.page == page;
  });
  return found == causes_->end() ? nullptr : &*found;
}

bool FaultCauses::find(size_t page, int& error) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  const Cause* const cause = place_of(page);
  if (cause == nullptr) return false;
  error = cause->error;
  return true;
}

void FaultCauses::keep(size_t page, int error) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (causes_ == nullptr) causes_.reset(new (std::nothrow) Causes());
  if (causes_ == nullptr) return;
  Cause* cause = place_of(page);
  if (cause == nullptr) {
    // The oldest goes.
    cause = &(*causes_)[next_];
    next_ = (next_ + 1) % kMost;
  }
  *cause = {page, error, true};
}

void FaultCauses::forget(size_t page) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  Cause* const cause = place_of(page);
  if (cause != nullptr) cause->used = false;
}

void FaultCauses::reset() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  causes_.reset();
  next_ = 0;
}

}  // namespace posix_mmap
