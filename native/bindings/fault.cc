#include <cerrno>

#include "bindings/bindings.h"
#include "bindings/fault_value.h"
#include "environment/environment.h"
#include "posix/faults/fault_guard.h"

namespace posix_mmap {

// fault(handle): null | fault | -errno
Napi::Value peek_fault(const Napi::CallbackInfo& info) {
  const Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  return fault_value(info, region->faults().peek());
}

// clearFault(handle): what fault() gave, and from now on null
Napi::Value take_fault(const Napi::CallbackInfo& info) {
  Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  return fault_value(info, region->faults().take());
}

// listenForFaults(listener): whether faults will be announced
Napi::Value listen_for_faults(const Napi::CallbackInfo& info) {
  JsFaultListener& fault_listener = Environment::of(info.Env()).fault_listener();
  return Napi::Boolean::New(info.Env(), fault_listener.listen(info[0].As<Napi::Function>()));
}

Napi::Value is_fault_guard_active(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), fault_guard_active());
}

}  // namespace posix_mmap
