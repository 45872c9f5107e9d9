#include "environment/environment.h"

#include <cerrno>

#include "posix/calls/map.h"
#include "posix/calls/remap.h"

namespace posix_mmap {

Environment& Environment::of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<Environment*>(data);
}

void Environment::create(napi_env env) {
  auto* const self = new Environment(env);
  napi_set_instance_data(
      env, self, [](napi_env, void* data, void*) { delete static_cast<Environment*>(data); },
      nullptr);
}

uint64_t Environment::hold(Region* region) {
  fault_listener_.attach_to(*region);
  return handles_.add(region);
}

void Environment::drop(uint64_t handle, bool detach) {
  Holding* const holding = handles_.find(handle);
  if (holding == nullptr) return;
  if (detach) {
    buffers_.detach(*holding);
  } else {
    buffers_.let_go(*holding);
  }
  handles_.remove(handle)->part();
  buffers_.reap();
  quarantine().sweep_if_due();
}

int Environment::remap(uint64_t handle, uint64_t length) {
  Holding* const holding = handles_.find(handle);
  if (holding == nullptr) return -ESTALE;
  if (buffers_.any_foreign(*holding)) return -EXDEV;
  Region* const old = holding->region;
  const size_t own = 1 + holding->buffers.size() + (holding->lease == nullptr ? 0 : 1);
  // Private pages move, and others would be left with zeros: those that have it, and those who come
  // by its token in the meantime.
  const bool hidden = !old->shared() && old->has_token();
  if (hidden) old->hide_token();
  Region* moved = nullptr;
  const bool busy = !old->shared() && old->users() > own;
  const int result = busy ? -EBUSY : remap_region(*old, length, &moved);
  if (result == 0) {
    replace_region(*holding, moved);
  } else if (hidden) {
    old->issue_token();
  }
  return result;
}

int Environment::map_again(uint64_t handle, uint64_t length, int fd, uint64_t offset) {
  Holding* const holding = handles_.find(handle);
  if (holding == nullptr) return -ESTALE;
  Region* mapped = nullptr;
  const auto result = static_cast<int>(on_descriptor(fd, [&](int open) {
    return map_region_again(*holding->region, open, offset, length, &mapped);
  }));
  if (result == 0) replace_region(*holding, mapped);
  return result;
}

void Environment::replace_region(Holding& holding, Region* region) {
  Region* const old = holding.region;
  buffers_.detach(holding);
  holding.region = region;
  fault_listener_.attach_to(*region);
  old->part();
  quarantine().sweep_if_due();
}

}  // namespace posix_mmap
