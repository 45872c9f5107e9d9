// From a signal handler on any thread to JavaScript on one: uv_async_send(3) is signal safe.
#pragma once

#include "environment/loop_handle.h"
#include "environment/loop_listener.h"
#include "napi_setup.h"
#include "posix/region/region.h"

namespace posix_mmap {

class Environment;

class FaultDoorbell : public FaultBell {
 public:
  explicit FaultDoorbell(Environment& environment) : environment_(environment) {}
  FaultDoorbell(const FaultDoorbell&) = delete;
  FaultDoorbell& operator=(const FaultDoorbell&) = delete;

  /// From now on `listener(handle)` is called from the event loop for each mapping with a fault.
  /// Does not keep the loop alive. False where the runtime has no libuv.
  bool listen(const Napi::Function& listener);

  /// What regions ring; nullptr before listen().
  FaultBell* bell() { return async_ == nullptr ? nullptr : this; }

  void on_loop_end(uv_async_t& handle);

 private:
  using Async = LoopHandle<uv_async_t, FaultDoorbell>;
  void deliver();

  Environment& environment_;
  Async* async_ = nullptr;
  LoopListener listener_{"posix-mmap:fault"};
};

}  // namespace posix_mmap
