#include <cerrno>

#include "bindings/bindings.h"
#include "bindings/fault_value.h"
#include "environment/environment.h"
#include "posix/content/fault_cause.h"
#include "posix/content/file_end.h"
#include "posix/faults/fault_guard.h"
#include "posix/region/fault_epoch.h"

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

// faultEpoch(): ArrayBuffer of the process's fault epoch, four bytes | -errno
Napi::Value fault_epoch_word(const Napi::CallbackInfo& info) {
  static_assert(sizeof(fault_epoch) == sizeof(uint32_t));
  napi_value buffer = nullptr;
  const napi_status status = napi_create_external_arraybuffer(
      info.Env(), static_cast<void*>(&fault_epoch), sizeof(fault_epoch), nullptr, nullptr, &buffer);
  if (status == napi_ok) return Napi::Value(info.Env(), buffer);
  if (info.Env().IsExceptionPending()) return Napi::Value();
  return number(info, status == napi_no_external_buffers_allowed ? -ENOTSUP : -ENOMEM);
}

// isSound(handle): whether all of a mapping can be read and shows what was mapped, and nothing is
// in its log
Napi::Value is_sound(const Napi::CallbackInfo& info) {
  Region* const region = region_at(info);
  return Napi::Boolean::New(info.Env(), region != nullptr && region->sound());
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
