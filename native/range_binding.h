// JS <-> the calls that take a range of a mapping: (handle, offset, length, argument): 0 | -errno.
#pragma once

#include "napi_setup.h"

namespace posix_mmap {

Napi::Value msync(const Napi::CallbackInfo& info);
Napi::Value madvise(const Napi::CallbackInfo& info);
Napi::Value madvise_inside(const Napi::CallbackInfo& info);
Napi::Value madvise_supported(const Napi::CallbackInfo& info);
Napi::Value mprotect(const Napi::CallbackInfo& info);
Napi::Value mlock(const Napi::CallbackInfo& info);
Napi::Value munlock(const Napi::CallbackInfo& info);
Napi::Value lock_limit_bytes(const Napi::CallbackInfo& info);
Napi::Value populate_range(const Napi::CallbackInfo& info);
Napi::Value discard_range(const Napi::CallbackInfo& info);
Napi::Value drop_range(const Napi::CallbackInfo& info);
Napi::Value punch_hole_range(const Napi::CallbackInfo& info);
Napi::Value guard_range(const Napi::CallbackInfo& info);
Napi::Value unguard_range(const Napi::CallbackInfo& info);
Napi::Value page_count(const Napi::CallbackInfo& info);
Napi::Value mincore(const Napi::CallbackInfo& info);

}  // namespace posix_mmap
