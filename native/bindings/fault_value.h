// A fault as JS sees it.
#pragma once

#include "bindings/arguments.h"
#include "posix/region/fault_log.h"

namespace posix_mmap {

/// [kind, offset, count, errno of an unreadable page or 0], or null for no fault.
inline Napi::Value fault_value(const Napi::CallbackInfo& info, const Fault& fault) {
  if (fault.kind == FaultKind::none) return info.Env().Null();
  return numbers(info, {static_cast<int64_t>(fault.kind), static_cast<int64_t>(fault.offset),
                        static_cast<int64_t>(fault.count), fault.error});
}

}  // namespace posix_mmap
