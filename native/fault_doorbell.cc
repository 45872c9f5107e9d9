#include "fault_doorbell.h"

#include "environment.h"

// Weak, because Bun and Deno load Node-API addons but have no libuv to link against.
#pragma weak uv_async_init
#pragma weak uv_async_send
#pragma weak uv_close
#pragma weak uv_unref

namespace posix_mmap {

// Outlives the doorbell: libuv closes handles one turn later.
struct FaultDoorbell::Async : FaultBell {
  uv_async_t handle{};
  FaultDoorbell* doorbell = nullptr;
  napi_async_cleanup_hook_handle cleanup = nullptr;
};

FaultBell* FaultDoorbell::bell() const { return async_; }

bool FaultDoorbell::listen(const Napi::Function& listener) {
  const napi_env env = environment_.env();
  listener_ = Napi::Persistent(listener);
  if (async_ != nullptr) return true;
  uv_loop_t* loop = nullptr;
  if (&uv_async_init == nullptr || napi_get_uv_event_loop(env, &loop) != napi_ok) return false;
  auto* const async = new Async();
  async->doorbell = this;
  async->handle.data = async;
  async->ring = [](FaultBell* bell) { uv_async_send(&static_cast<Async*>(bell)->handle); };
  const auto on_wake = [](uv_async_t* handle) {
    static_cast<Async*>(handle->data)->doorbell->deliver();
  };
  if (uv_async_init(loop, &async->handle, on_wake) != 0) {
    delete async;
    return false;
  }
  uv_unref(reinterpret_cast<uv_handle_t*>(&async->handle));
  async_ = async;
  napi_add_async_cleanup_hook(env, on_close_hook, async, &async->cleanup);
  return true;
}

void FaultDoorbell::on_close_hook(napi_async_cleanup_hook_handle /*handle*/, void* data) {
  auto* const async = static_cast<Async*>(data);
  async->doorbell->environment_.silence_bells();
  async->doorbell->async_ = nullptr;
  async->doorbell->listener_.Reset();
  uv_close(reinterpret_cast<uv_handle_t*>(&async->handle), [](uv_handle_t* handle) {
    auto* const closed = static_cast<Async*>(handle->data);
    napi_remove_async_cleanup_hook(closed->cleanup);
    delete closed;
  });
}

// By status codes: the loop also turns while the environment ends, when no JS may run any more and
// the C++ wrappers would end the process over it.
void FaultDoorbell::deliver() {
  const napi_env env = environment_.env();
  const Napi::HandleScope scope{Napi::Env(env)};
  napi_value name = nullptr;
  napi_async_context context = nullptr;
  if (napi_create_string_utf8(env, "posix-mmap:fault", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_async_init(env, nullptr, name, &context) != napi_ok) {
    return;
  }
  environment_.for_each_news([&](uint64_t handle) {
    napi_value argument = nullptr;
    napi_value global = nullptr;
    napi_create_double(env, static_cast<double>(handle), &argument);
    napi_get_global(env, &global);
    const napi_status status =
        napi_make_callback(env, context, global, listener_.Value(), 1, &argument, nullptr);
    napi_value exception = nullptr;
    if (status == napi_pending_exception &&
        napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
      napi_fatal_exception(env, exception);
    }
  });
  napi_async_destroy(env, context);
}

}  // namespace posix_mmap
