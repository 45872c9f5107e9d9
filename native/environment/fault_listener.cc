#include "environment/fault_listener.h"

#include "environment/environment.h"
#include "posix/faults/fault_listeners.h"

namespace posix_mmap {

bool FaultDoorbell::listen(const Napi::Function& listener) {
  listener_.set(listener);
  if (async_ != nullptr) return true;
  ring = [](FaultBell* bell) {
    uv_async_send(&static_cast<FaultDoorbell*>(bell)->async_->handle());
  };
  async_ = Async::open(environment_.env(), *this, [](uv_loop_t* loop, uv_async_t* handle) {
    return uv_async_init(loop, handle, [](uv_async_t* async) { Async::owner_of(async).deliver(); });
  });
  if (async_ != nullptr) hang_up_bell(this);
  return async_ != nullptr;
}

void FaultDoorbell::on_loop_end(uv_async_t& /*handle*/) {
  environment_.silence_bells();
  async_ = nullptr;
  listener_.reset();
}

void FaultDoorbell::deliver() {
  environment_.for_each_news([this](uint64_t handle) {
    listener_.call(environment_.env(), {static_cast<double>(handle)});
  });
}

}  // namespace posix_mmap
