// The calls that block for long, as work in the background.
#pragma once

#include "napi_setup.h"

namespace posix_mmap {

Napi::Value listen_for_jobs(const Napi::CallbackInfo& info);
Napi::Value start_flush(const Napi::CallbackInfo& info);
Napi::Value start_populate(const Napi::CallbackInfo& info);
Napi::Value start_lock(const Napi::CallbackInfo& info);
Napi::Value cancel_job(const Napi::CallbackInfo& info);

}  // namespace posix_mmap
