// JS values <-> the numbers and bytes of system calls. TypeScript has checked them; a value of a
// wrong type is 0, false or empty here.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "napi_setup.h"

namespace posix_mmap {

class Environment;
class Region;

int32_t int32_at(const Napi::CallbackInfo& info, size_t index);
bool bool_at(const Napi::CallbackInfo& info, size_t index);
int64_t int64_at(const Napi::CallbackInfo& info, size_t index);
/// A non-negative integer of up to 2**53 - 1 (a number) or 2**64 - 1 (a bigint).
uint64_t uint64_at(const Napi::CallbackInfo& info, size_t index);
std::string string_at(const Napi::CallbackInfo& info, size_t index);

/// Integers stay exact in a JS number up to 2**53; no file or mapping is larger.
Napi::Value number(const Napi::CallbackInfo& info, int64_t value);
/// An array of such numbers.
Napi::Value numbers(const Napi::CallbackInfo& info, std::initializer_list<int64_t> values);

/// The bytes of a Uint8Array.
struct Bytes {
  std::byte* data;
  size_t length;
};
Bytes bytes_at(const Napi::CallbackInfo& info, size_t index);

/// The region whose handle is the first argument, or nullptr after unmap().
Region* region_at(const Napi::CallbackInfo& info);

}  // namespace posix_mmap
