#include <cerrno>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "environment/environment.h"
#include "posix/calls/map.h"

namespace posix_mmap {

// map(fd, offset, length, prot, flags, address, hugePages): handle | -errno
Napi::Value map(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::of(info.Env());
  const MapRequest request{
      .fd = int32_at(info, 0),
      .offset = uint64_at(info, 1),
      .length = uint64_at(info, 2),
      .prot = int32_at(info, 3),
      .flags = int32_at(info, 4),
      .address = uint64_at(info, 5),
      .huge_pages = bool_at(info, 6),
  };
  Region* region = nullptr;
  int result = map_region(request, &region);
  if (result == -ENOMEM && environment.quarantine().count() > 0) {
    environment.quarantine().sweep(true);
    result = map_region(request, &region);
  }
  if (result != 0) return number(info, result);
  return number(info, static_cast<int64_t>(environment.hold(region)));
}

// unmap(handle): detaches every buffer and gives the memory back; true if there was a fault that
// was not reported to the listener. Nothing happens the second time.
Napi::Value unmap(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::of(info.Env());
  Holding* const holding = environment.handles().find(uint64_at(info, 0));
  const bool unreported = holding != nullptr && holding->take_unreported();
  environment.drop(uint64_at(info, 0), true);
  return Napi::Boolean::New(info.Env(), unreported);
}

// release(handle): for a Mapping object that was collected. Its buffers may live on.
Napi::Value release(const Napi::CallbackInfo& info) {
  Environment::of(info.Env()).drop(uint64_at(info, 0), false);
  return info.Env().Undefined();
}

// remap(handle, length): 0 | -errno
Napi::Value remap(const Napi::CallbackInfo& info) {
  return number(info, Environment::of(info.Env()).remap(uint64_at(info, 0), uint64_at(info, 1)));
}

// mapAgain(handle, length, fd, offset): 0 | -errno
Napi::Value map_again(const Napi::CallbackInfo& info) {
  const int result =
      Environment::of(info.Env())
          .map_again(uint64_at(info, 0), uint64_at(info, 1), int32_at(info, 2), uint64_at(info, 3));
  return number(info, result);
}

// arrayBuffer(handle, offset, length): ArrayBuffer | -errno
Napi::Value array_buffer(const Napi::CallbackInfo& info) {
  const Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  const uint64_t offset = uint64_at(info, 1);
  const uint64_t length = uint64_at(info, 2);
  if (length == 0 || !contains(region->extent(), offset, length)) return number(info, -ERANGE);
  napi_value buffer = nullptr;
  const napi_status status =
      Environment::of(info.Env()).buffers().create(uint64_at(info, 0), offset, length, &buffer);
  if (status == napi_ok) return Napi::Value(info.Env(), buffer);
  if (info.Env().IsExceptionPending()) return Napi::Value();
  return number(info, status == napi_no_external_buffers_allowed ? -ENOTSUP : -ENOMEM);
}

// protection(handle): PROT_… of all pages, -1 when they differ | -errno
Napi::Value protection(const Napi::CallbackInfo& info) {
  const Region* const region = region_at(info);
  return number(info, region == nullptr ? -ESTALE : region->uniform_protection());
}

// address(handle): bigint | -errno
Napi::Value address(const Napi::CallbackInfo& info) {
  const Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  return Napi::BigInt::New(info.Env(), reinterpret_cast<uint64_t>(region->extent().data()));
}

// watchForEnd(): for worker threads, whose memory can end up in a thread that outlives them
Napi::Value watch_for_end(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), Environment::of(info.Env()).end_watch().start());
}

// regionCounts(): [live regions of the process, buffers of this thread whose addresses wait]
Napi::Value region_counts(const Napi::CallbackInfo& info) {
  const size_t quarantined = Environment::of(info.Env()).quarantine().count();
  return numbers(info, {static_cast<int64_t>(live_regions()), static_cast<int64_t>(quarantined)});
}

}  // namespace posix_mmap
