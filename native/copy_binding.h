// JS <-> copies in and out of a mapping that report a fault instead of raising it.
#pragma once

#include "napi_setup.h"

namespace posix_mmap {

Napi::Value copy_out(const Napi::CallbackInfo& info);
Napi::Value copy_in(const Napi::CallbackInfo& info);

}  // namespace posix_mmap
