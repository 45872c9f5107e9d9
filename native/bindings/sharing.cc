#include <cerrno>
#include <string>
#include <utility>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "environment/environment.h"
#include "posix/region/overlay.h"
#include "posix/region/region_token.h"
#include "posix/region/token_text.h"

namespace posix_mmap {

// share(handle, facts, fd): text | -errno; what is said of the mapping is kept here, and not in the
// text
Napi::Value share(const Napi::CallbackInfo& info) {
  Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  const uint64_t token = region->issue_token();
  std::string text;
  int result = describe_token(token, string_at(info, 1), int32_at(info, 2));
  if (result == 0) result = write_token(token, text);
  if (result != 0) return number(info, result);
  return Napi::String::New(info.Env(), text);
}

// attach(text): [handle, byteLength, protection, facts, fd] | -errno; -EXDEV for a text that this
// process did not issue
Napi::Value attach(const Napi::CallbackInfo& info) {
  uint64_t token = 0;
  const int read = read_token(string_at(info, 0), token);
  if (read != 0) return number(info, read);
  RegionUser region = RegionUser::of_token(token);
  if (!region) return number(info, -ESTALE);
  std::string facts;
  int fd = -1;
  const int found = facts_of_token(token, facts, fd);
  if (found != 0) return number(info, found);
  Environment& environment = Environment::of(info.Env());
  if (fd >= 0) fd = environment.descriptors().add(fd);
  const auto length = static_cast<int64_t>(region->extent().byte_length);
  const int uniform = region->uniform_protection();
  const int64_t prot = uniform == Region::kMixed ? region->protection() : uniform;
  const uint64_t handle = environment.hold(std::move(region));
  const Napi::Value all =
      numbers(info, {static_cast<int64_t>(handle), length, prot, 0, static_cast<int64_t>(fd)});
  napi_set_element(info.Env(), all, 3, Napi::String::New(info.Env(), facts));
  return all;
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

// overlay(handle, bytes): 0 | -errno; `bytes` is the whole of a growable SharedArrayBuffer, which
// V8 keeps in pages of its own
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
