// Reports faults from a signal handler on any thread to JavaScript on one. uv_async_send() is
// async-signal-safe.
#pragma once

#include "environment/buffers.h"
#include "environment/handle_table.h"
#include "environment/loop_handle.h"
#include "environment/loop_listener.h"
#include "napi_setup.h"
#include "posix/region/region.h"

namespace posix_mmap {

class JsFaultListener : public FaultListener {
 public:
  JsFaultListener(napi_env env, HandleTable& handles, const Buffers& buffers)
      : env_(env), handles_(handles), buffers_(buffers) {}
  JsFaultListener(const JsFaultListener&) = delete;
  JsFaultListener& operator=(const JsFaultListener&) = delete;

  /// From now on the event loop calls `listener(handle)` for each mapping with a fault that was not
  /// reported. Does not keep the loop alive. False if the runtime has no libuv.
  bool listen(const Napi::Function& listener);

  /// Makes a region notify this thread as well as the threads that it notifies already.
  void attach_to(Region& region);
  /// Takes the listener out of every region, so that it can be freed.
  void stop();

  void on_loop_end(uv_async_t& handle);

 private:
  using Async = LoopHandle<uv_async_t, JsFaultListener>;
  void deliver();
  /// The listener that regions notify; nullptr before listen().
  FaultListener* target() { return async_ == nullptr ? nullptr : this; }

  napi_env env_;
  HandleTable& handles_;
  const Buffers& buffers_;
  Async* async_ = nullptr;
  LoopListener listener_{"posix-mmap:fault"};
};

}  // namespace posix_mmap
