#include <algorithm>
#include <cerrno>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "bindings/fault_value.h"
#include "posix/content/resident_copy.h"
#include "posix/content/transfer.h"

namespace posix_mmap {
namespace {

/// (handle, offset, bytes): null | fault | -errno
template <typename Copy>
Napi::Value transfer(const Napi::CallbackInfo& info, Copy copy) {
  Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  const uint64_t offset = uint64_at(info, 1);
  const Bytes bytes = bytes_at(info, 2);
  if (!contains(region->extent(), offset, bytes.length)) return number(info, -ERANGE);
  return fault_value(info, copy(*region, offset, bytes.length, bytes.data));
}

}  // namespace

Napi::Value copy_out(const Napi::CallbackInfo& info) {
  return transfer(info, [](auto&&... arguments) { return posix_mmap::copy_out(arguments...); });
}

Napi::Value copy_in(const Napi::CallbackInfo& info) {
  return transfer(info, [](auto&&... arguments) { return posix_mmap::copy_in(arguments...); });
}

// copyResident(handle, offset, bytes): null | fault | -errno; -EAGAIN where it would wait for a
// disk
Napi::Value copy_resident(const Napi::CallbackInfo& info) {
  Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  const Bytes bytes = bytes_at(info, 2);
  Fault fault;
  const int result =
      posix_mmap::copy_resident(*region, uint64_at(info, 1), bytes.length, bytes.data, fault);
  return result == 0 ? fault_value(info, fault) : number(info, result);
}

// copiesBackward(handle, offset, bytes, out): whether the pieces of a copyIn(), or of a copyOut(),
// must be copied last piece first, because the first would overwrite bytes that are still to be
// copied
Napi::Value copies_backward(const Napi::CallbackInfo& info) {
  const Region* const region = region_at(info);
  const Bytes bytes = bytes_at(info, 2);
  const bool backward =
      region != nullptr &&
      posix_mmap::copies_backward(*region, uint64_at(info, 1), bytes.length, bytes.data,
                                  bool_at(info, 3) ? Direction::out : Direction::in);
  return Napi::Boolean::New(info.Env(), backward);
}

}  // namespace posix_mmap
