// JS <-> regions: making, handing out and ending mappings.
#pragma once

#include "napi_setup.h"

namespace posix_mmap {

Napi::Value map(const Napi::CallbackInfo& info);
Napi::Value unmap(const Napi::CallbackInfo& info);
Napi::Value release(const Napi::CallbackInfo& info);
Napi::Value remap(const Napi::CallbackInfo& info);
Napi::Value map_again(const Napi::CallbackInfo& info);
Napi::Value array_buffer(const Napi::CallbackInfo& info);
Napi::Value protection(const Napi::CallbackInfo& info);
Napi::Value address(const Napi::CallbackInfo& info);
Napi::Value watch_for_end(const Napi::CallbackInfo& info);
Napi::Value region_counts(const Napi::CallbackInfo& info);

}  // namespace posix_mmap
