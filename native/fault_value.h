// A fault as JS sees it.
#pragma once

#include "arguments.h"
#include "posix/fault_log.h"

namespace posix_mmap {

/// [kind, offset, count], or null for no fault.
inline Napi::Value fault_value(const Napi::CallbackInfo& info, const Fault& fault) {
  if (fault.kind == FaultKind::none) return info.Env().Null();
  Napi::Array value = Napi::Array::New(info.Env(), 3);
  value.Set(0U, number(info, static_cast<int64_t>(fault.kind)));
  value.Set(1U, number(info, static_cast<int64_t>(fault.offset)));
  value.Set(2U, number(info, static_cast<int64_t>(fault.count)));
  return value;
}

}  // namespace posix_mmap
