// Waiting for words, and who is alive.
#pragma once

#include "../napi_setup.h"

namespace posix_mmap {

Napi::Value futex_memory(const Napi::CallbackInfo& info);
Napi::Value futex_wait_here(const Napi::CallbackInfo& info);
Napi::Value futex_wake_waiters(const Napi::CallbackInfo& info);
Napi::Value allow_interruptions(const Napi::CallbackInfo& info);
Napi::Value listen_for_waits(const Napi::CallbackInfo& info);
Napi::Value start_wait(const Napi::CallbackInfo& info);
Napi::Value cancel_wait(const Napi::CallbackInfo& info);
Napi::Value forbid_futex_waitv(const Napi::CallbackInfo& info);
Napi::Value wait_threads(const Napi::CallbackInfo& info);
Napi::Value hold_owner(const Napi::CallbackInfo& info);
Napi::Value find_dead_owners(const Napi::CallbackInfo& info);
Napi::Value link_descriptor_at(const Napi::CallbackInfo& info);

}  // namespace posix_mmap
