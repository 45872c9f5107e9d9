#include "environment/loop_listener.h"

#include <array>

namespace posix_mmap {

// Uses status codes, because the loop also turns while the environment is ending, when no JS may
// run and the C++ wrappers would end the process.
void LoopListener::call(napi_env env, std::initializer_list<double> arguments) {
  const Napi::HandleScope scope{Napi::Env(env)};
  napi_value name = nullptr;
  napi_async_context context = nullptr;
  if (napi_create_string_utf8(env, name_, NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_async_init(env, nullptr, name, &context) != napi_ok) {
    return;
  }
  std::array<napi_value, 8> values{};
  size_t count = 0;
  for (const double argument : arguments) napi_create_double(env, argument, &values[count++]);
  napi_value global = nullptr;
  napi_get_global(env, &global);
  const napi_status status =
      napi_make_callback(env, context, global, function_.Value(), count, values.data(), nullptr);
  napi_value exception = nullptr;
  if (status == napi_pending_exception &&
      napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
    napi_fatal_exception(env, exception);
  }
  napi_async_destroy(env, context);
}

}  // namespace posix_mmap
