// JS <-> the fault guard.
#pragma once

#include "napi_setup.h"

namespace posix_mmap {

Napi::Value peek_fault(const Napi::CallbackInfo& info);
Napi::Value take_fault(const Napi::CallbackInfo& info);
Napi::Value listen_for_faults(const Napi::CallbackInfo& info);
Napi::Value is_fault_guard_active(const Napi::CallbackInfo& info);

}  // namespace posix_mmap
