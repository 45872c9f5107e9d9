// JS <-> searches in a mapping, and the look before a view is handed out.
#pragma once

#include "napi_setup.h"

namespace posix_mmap {

Napi::Value search_first(const Napi::CallbackInfo& info);
Napi::Value search_last(const Napi::CallbackInfo& info);
Napi::Value probe_range(const Napi::CallbackInfo& info);

}  // namespace posix_mmap
