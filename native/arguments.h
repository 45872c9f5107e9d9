// JS values -> numbers of the system calls. TypeScript has checked them; a value of a wrong type
// still only throws.
#pragma once

#include <cstdint>

#include "napi_setup.h"

namespace posix_mmap {

class Environment;
class Region;

int32_t int32_at(const Napi::CallbackInfo& info, size_t index);
/// A non-negative integer of up to 2**53 - 1 (a number) or 2**64 - 1 (a bigint).
uint64_t uint64_at(const Napi::CallbackInfo& info, size_t index);
/// Integers stay exact in a JS number up to 2**53; no file or mapping is larger.
Napi::Value number(const Napi::CallbackInfo& info, int64_t value);

/// The bytes of a Uint8Array.
struct Bytes {
  std::byte* data;
  size_t length;
};
Bytes bytes_at(const Napi::CallbackInfo& info, size_t index);

/// The region whose handle is the first argument, or nullptr after unmap().
Region* region_at(const Napi::CallbackInfo& info);

}  // namespace posix_mmap
