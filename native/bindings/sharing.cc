#include <cerrno>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "environment/environment.h"
#include "posix/region/overlay.h"
#include "posix/region/region_token.h"

namespace posix_mmap {

// share(handle): [origin, token] | -errno
Napi::Value share(const Napi::CallbackInfo& info) {
  Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  const auto origin = static_cast<int64_t>(token_origin());
  return numbers(info, {origin, static_cast<int64_t>(region->issue_token())});
}

// attach(origin, token): [handle, byteLength, protection] | -errno; -EXDEV for another process's
Napi::Value attach(const Napi::CallbackInfo& info) {
  if (uint64_at(info, 0) != token_origin()) return number(info, -EXDEV);
  Region* const region = Region::redeem_token(uint64_at(info, 1));
  if (region == nullptr) return number(info, -ESTALE);
  const auto length = static_cast<int64_t>(region->extent().byte_length);
  const int uniform = region->uniform_protection();
  const int64_t prot = uniform == Region::kMixed ? region->protection() : uniform;
  return numbers(info,
                 {static_cast<int64_t>(Environment::of(info.Env()).hold(region)), length, prot});
}

// sharedArrayBuffer(handle): SharedArrayBuffer | -errno; -ENOTSUP where the runtime makes none
Napi::Value shared_array_buffer(const Napi::CallbackInfo& info) {
  Holding* const holding = Environment::of(info.Env()).handles().find(uint64_at(info, 0));
  if (holding == nullptr) return number(info, -ESTALE);
  napi_value buffer = nullptr;
  const napi_status status =
      create_shared_buffer(info.Env(), *holding->region, holding->lease, &buffer);
  if (status == napi_ok) return Napi::Value(info.Env(), buffer);
  if (info.Env().IsExceptionPending()) return Napi::Value();
  return number(info, status == napi_generic_failure || status == napi_no_external_buffers_allowed
                          ? -ENOTSUP
                          : -ENOMEM);
}

// overlay(handle, bytes): 0 | -errno; `bytes` is all of a growable SharedArrayBuffer, which V8 has
// in pages of its own
Napi::Value overlay(const Napi::CallbackInfo& info) {
  const Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  const Bytes target = bytes_at(info, 1);
  if (target.length != region->extent().byte_length) return number(info, -EINVAL);
  return number(info, overlay_region(*region, target.data));
}

// clearOverlay(bytes): 0 | -errno
Napi::Value clear_overlay(const Napi::CallbackInfo& info) {
  const Bytes target = bytes_at(info, 0);
  return number(info, overlay_zeros(target.data, target.length));
}

}  // namespace posix_mmap
