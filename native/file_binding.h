// JS <-> files and the descriptors that stand for memory.
#pragma once

#include "napi_setup.h"

namespace posix_mmap {

Napi::Value size_of_file(const Napi::CallbackInfo& info);
Napi::Value truncate_file(const Napi::CallbackInfo& info);
Napi::Value reserve_file_blocks(const Napi::CallbackInfo& info);
Napi::Value posix_fadvise(const Napi::CallbackInfo& info);
Napi::Value is_file_of_region(const Napi::CallbackInfo& info);
Napi::Value open_file_of(const Napi::CallbackInfo& info);
Napi::Value memfd_create(const Napi::CallbackInfo& info);
Napi::Value shm_open(const Napi::CallbackInfo& info);
Napi::Value shm_unlink(const Napi::CallbackInfo& info);
Napi::Value fcntl_add_seals(const Napi::CallbackInfo& info);
Napi::Value fcntl_get_seals(const Napi::CallbackInfo& info);
Napi::Value fcntl_duplicate(const Napi::CallbackInfo& info);
Napi::Value fcntl_access_mode(const Napi::CallbackInfo& info);
Napi::Value hand_over_descriptor(const Napi::CallbackInfo& info);
Napi::Value close_descriptor(const Napi::CallbackInfo& info);

}  // namespace posix_mmap
