#include "environment/quarantine.h"

#include "environment/external_buffer.h"

namespace posix_mmap {
namespace {

/// So much external memory makes V8 collect garbage at once, whatever the size of its heap.
constexpr int64_t kPressure = int64_t{1} << 44;

}  // namespace

void Quarantine::add(ExternalBuffer* buffer, uint64_t bytes) {
  waiting_.insert(buffer);
  count_.fetch_add(1, std::memory_order_relaxed);
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

void Quarantine::ended(uint64_t bytes) {
  count_.fetch_sub(1, std::memory_order_relaxed);
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

void Quarantine::sweep(bool force) {
  if (force) {
    int64_t total = 0;
    if (napi_adjust_external_memory(env_, kPressure, &total) == napi_ok) {
      napi_adjust_external_memory(env_, -kPressure, &total);
    }
  }
  std::erase_if(waiting_, [this](ExternalBuffer* buffer) {
    const Napi::HandleScope scope{Napi::Env(env_)};
    buffer->release_if_collected();
    return !buffer->quarantined();
  });
}

void Quarantine::sweep_if_due() {
  if (count() < sweep_at_ && bytes() < sweep_at_bytes_) return;
  sweep(false);
  if (count() > sweep_at_ / 2 || bytes() > sweep_at_bytes_ / 2) sweep(true);
  // What is left is in use, so the next sweep waits until as much again has gathered.
  sweep_at_ = kSweepCount + 2 * count();
  sweep_at_bytes_ = kSweepBytes + 2 * bytes();
}

}  // namespace posix_mmap
