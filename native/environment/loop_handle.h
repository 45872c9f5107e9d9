// libuv handles of one environment. They keep its loop alive only when asked to, and end with it.
#pragma once

#include <uv.h>

#include "napi_setup.h"

// Weak, because Bun and Deno load Node-API addons but have no libuv to link against.
#pragma weak uv_async_init
#pragma weak uv_async_send
#pragma weak uv_prepare_init
#pragma weak uv_prepare_start
#pragma weak uv_close
#pragma weak uv_ref
#pragma weak uv_unref

namespace posix_mmap {

/// `Owner` has `void on_loop_end(Handle&)`, which is called once before the handle is closed. The
/// object outlives its owner, because libuv closes handles one turn of the loop later.
template <typename Handle, typename Owner>
class LoopHandle {
 public:
  /// Opens a handle that `start(loop, handle)` initialises, which returns 0 on success; nullptr if
  /// it fails or the runtime has no libuv.
  template <typename Start>
  static LoopHandle* open(napi_env env, Owner& owner, Start start) {
    uv_loop_t* loop = nullptr;
    if (&uv_close == nullptr || napi_get_uv_event_loop(env, &loop) != napi_ok) return nullptr;
    auto* const self = new LoopHandle(owner);
    self->handle_.data = self;
    if (start(loop, &self->handle_) != 0) {
      delete self;
      return nullptr;
    }
    uv_unref(reinterpret_cast<uv_handle_t*>(&self->handle_));
    napi_add_async_cleanup_hook(env, on_environment_end, self, &self->hook_);
    return self;
  }

  static Owner& owner_of(Handle* handle) { return static_cast<LoopHandle*>(handle->data)->owner_; }

  Handle& handle() { return handle_; }

  /// Sets whether this handle alone keeps the loop running. At first it does not.
  void keep_alive(bool keep) {
    auto* const handle = reinterpret_cast<uv_handle_t*>(&handle_);
    if (keep) {
      uv_ref(handle);
    } else {
      uv_unref(handle);
    }
  }

 private:
  explicit LoopHandle(Owner& owner) : owner_(owner) {}

  static void on_environment_end(napi_async_cleanup_hook_handle /*hook*/, void* data) {
    auto* const self = static_cast<LoopHandle*>(data);
    self->owner_.on_loop_end(self->handle_);
    uv_close(reinterpret_cast<uv_handle_t*>(&self->handle_), [](uv_handle_t* handle) {
      auto* const closed = static_cast<LoopHandle*>(handle->data);
      napi_remove_async_cleanup_hook(closed->hook_);
      delete closed;
    });
  }

  Handle handle_{};
  Owner& owner_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
};

}  // namespace posix_mmap
