// The same memory in other threads: as another mapping, and as a SharedArrayBuffer.
#pragma once

#include "napi_setup.h"

namespace posix_mmap {

Napi::Value share(const Napi::CallbackInfo& info);
Napi::Value attach(const Napi::CallbackInfo& info);
Napi::Value shared_array_buffer(const Napi::CallbackInfo& info);
Napi::Value overlay(const Napi::CallbackInfo& info);
Napi::Value clear_overlay(const Napi::CallbackInfo& info);

}  // namespace posix_mmap
