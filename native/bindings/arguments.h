// Converts between JS values and the numbers and bytes of system calls. TypeScript has checked the
// values; one of a wrong type is 0, false or empty here.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "napi_setup.h"
#include "posix/files/file_identity.h"

namespace posix_mmap {

class Environment;
class Region;

int32_t int32_at(const Napi::CallbackInfo& info, size_t index);
bool bool_at(const Napi::CallbackInfo& info, size_t index);
int64_t int64_at(const Napi::CallbackInfo& info, size_t index);
/// A non-negative integer of up to 2**53 - 1 (a number) or 2**64 - 1 (a bigint).
uint64_t uint64_at(const Napi::CallbackInfo& info, size_t index);
std::string string_at(const Napi::CallbackInfo& info, size_t index);

/// A JS number, which is exact up to 2**53; no file or mapping is larger.
Napi::Value number(const Napi::CallbackInfo& info, int64_t value);
/// A JS array of such numbers.
Napi::Value numbers(const Napi::CallbackInfo& info, std::initializer_list<int64_t> values);

/// The bytes of a Uint8Array.
struct Bytes {
  std::byte* data;
  size_t length;
};
Bytes bytes_at(const Napi::CallbackInfo& info, size_t index);

/// The elements of a typed array.
template <typename Element>
struct Elements {
  Element* data;
  size_t length;
};
/// Those of a Float64Array; none of anything else.
Elements<double> doubles_at(const Napi::CallbackInfo& info, size_t index);

/// A file identity in a BigUint64Array of three; nothing is stored in anything else, and zeros are
/// found there.
void store_identity(const Napi::CallbackInfo& info, size_t index, const FileIdentity& identity);
FileIdentity identity_at(const Napi::CallbackInfo& info, size_t index);

/// The region whose handle is the first argument, or nullptr after unmap().
Region* region_at(const Napi::CallbackInfo& info);

}  // namespace posix_mmap
