#include <cerrno>

#include "bindings/bindings.h"
#include "bindings/fault_value.h"
#include "environment/environment.h"
#include "posix/content/fault_cause.h"
#include "posix/content/file_end.h"
#include "posix/faults/fault_guard.h"

namespace posix_mmap {
namespace {

Napi::Value check(const Napi::CallbackInfo& info, bool again) {
  Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  const Fault fault = logged_fault(*region);
  if (fault.kind != FaultKind::none) return fault_value(info, fault);
  return fault_value(info, find_silent_end(*region, again));
}

}  // namespace

// fault(handle): null | fault | -errno
Napi::Value peek_fault(const Napi::CallbackInfo& info) {
  Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  return fault_value(info, logged_fault(*region));
}

// check(handle): what fault() gives, or that the file ends inside a page and nobody was told so yet
Napi::Value check_faults(const Napi::CallbackInfo& info) { return check(info, false); }

// checkAgain(handle): the same, also where somebody was told
Napi::Value check_faults_again(const Napi::CallbackInfo& info) { return check(info, true); }

// clearFault(handle): what fault() gave, and from now on null
Napi::Value take_fault(const Napi::CallbackInfo& info) {
  Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  return fault_value(info, take_logged_fault(*region));
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
