#include "environment/end_watch.h"

#include "environment/buffers.h"

namespace posix_mmap {

bool EndWatch::start() {
  if (prepare_ != nullptr) return true;
  prepare_ = Prepare::open(env_, *this, [](uv_loop_t* loop, uv_prepare_t* handle) {
    uv_prepare_init(loop, handle);
    return uv_prepare_start(handle,
                            [](uv_prepare_t* prepare) { Prepare::owner_of(prepare).look(); });
  });
  return prepare_ != nullptr;
}

void EndWatch::look() {
  if (ended_) return;
  const Napi::HandleScope scope{Napi::Env(env_)};
  napi_value value = nullptr;
  // This is the cheapest of the calls that the runtime refuses when no JS may run.
  ended_ = napi_get_undefined(env_, &value) != napi_ok ||
           napi_coerce_to_bool(env_, value, &value) != napi_ok;
  if (ended_) buffers_.keep_foreign_memory();
}

}  // namespace posix_mmap
