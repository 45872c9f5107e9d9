#include "environment/fault_listener.h"

#include "posix/faults/fault_guard.h"
#include "posix/faults/fault_listeners.h"

namespace posix_mmap {

bool JsFaultListener::listen(const Napi::Function& listener) {
  listener_.set(listener);
  if (async_ != nullptr) return true;
  notify = [](FaultListener* self) {
    uv_async_send(&static_cast<JsFaultListener*>(self)->async_->handle());
  };
  async_ = Async::open(env_, *this, [](uv_loop_t* loop, uv_async_t* handle) {
    return uv_async_init(loop, handle, [](uv_async_t* async) { Async::owner_of(async).deliver(); });
  });
  if (async_ != nullptr) add_fault_listener(this);
  return async_ != nullptr;
}

void JsFaultListener::attach_to(Region& region) {
  FaultListener* const mine = target();
  FaultListener* before = nullptr;
  if (region.listener().compare_exchange_strong(before, mine, std::memory_order_seq_cst)) return;
  if (before != mine) region.listener().store(all_fault_listeners(), std::memory_order_seq_cst);
}

void JsFaultListener::stop() {
  const auto detach_from = [this](Region& region) {
    // The record may be another region's by now, with another thread's listener.
    FaultListener* mine = target();
    region.listener().compare_exchange_strong(mine, nullptr);
  };
  handles_.for_each(
      [&](uint64_t /*handle*/, const Holding& holding) { detach_from(*holding.region); });
  buffers_.for_each_region(detach_from);
  remove_fault_listener(this);
  fault_guard_await_listeners();
}

void JsFaultListener::on_loop_end(uv_async_t& /*handle*/) {
  stop();
  async_ = nullptr;
  listener_.reset();
}

void JsFaultListener::deliver() {
  handles_.for_each([this](uint64_t handle, Holding& holding) {
    if (holding.take_unreported()) listener_.call(env_, {static_cast<double>(handle)});
  });
}

}  // namespace posix_mmap
