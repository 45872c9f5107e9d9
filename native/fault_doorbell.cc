#include "fault_doorbell.h"

#include "environment.h"
#include "posix/fault_bells.h"

namespace posix_mmap {

bool FaultDoorbell::listen(const Napi::Function& listener) {
  listener_ = Napi::Persistent(listener);
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
  listener_.Reset();
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
