#include "environment/environment.h"

#include <cerrno>
#include <utility>

#include "posix/calls/map.h"
#include "posix/calls/remap.h"
#include "posix/threads/auto_advice.h"

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

uint64_t Environment::hold(RegionUser region) {
  Region& listened = *region;
  const uint64_t handle = handles_.add(std::move(region));
  // Afterwards, or a fault that another thread has in between would count as reported.
  fault_listener_.attach_to(listened);
  return handle;
}

void Environment::unmap(uint64_t handle, napi_value function) {
  Holding* const holding = handles_.find(handle);
  if (holding == nullptr) return;
  buffers_.detach(*holding, function);
  remove(handle);
}

void Environment::release(uint64_t handle) {
  Holding* const holding = handles_.find(handle);
  if (holding == nullptr) return;
  buffers_.let_go(*holding);
  remove(handle);
}

void Environment::remove(uint64_t handle) {
  handles_.remove(handle).reset();
  buffers_.reap();
  quarantine().sweep_if_due();
}

int Environment::remap(uint64_t handle, uint64_t length, napi_value function) {
  Holding* const holding = handles_.find(handle);
  if (holding == nullptr) return -ESTALE;
  Region& old = *holding->region;
  const size_t own = 1 + buffers_.count_own(*holding) + (holding->lease == nullptr ? 0 : 1);
  // Private pages move, and other users would be left with zeros: those that there are, and those
  // that would redeem the token meanwhile.
  const bool hidden = !old.shared() && old.has_token();
  if (hidden) old.hide_token();
  RegionUser moved;
  const bool busy = !old.shared() && old.users() > own;
  const int result = busy ? -EBUSY : remap_region(old, length, moved);
  if (result == 0) {
    replace_region(*holding, std::move(moved), function);
  } else if (hidden) {
    old.issue_token();
  }
  return result;
}

int Environment::map_again(uint64_t handle, uint64_t length, int fd, uint64_t offset) {
  Holding* const holding = handles_.find(handle);
  if (holding == nullptr) return -ESTALE;
  RegionUser mapped;
  const auto result = static_cast<int>(on_descriptor(fd, [&](int open) {
    return map_region_again(*holding->region, open, offset, length, mapped);
  }));
  if (result == 0) replace_region(*holding, std::move(mapped), nullptr);
  return result;
}

void Environment::replace_region(Holding& holding, RegionUser region, napi_value function) {
  buffers_.detach(holding, function);
  RegionUser old = std::exchange(holding.region, std::move(region));
  fault_listener_.attach_to(*holding.region);
  auto_advice_move(*old, *holding.region);
  old.reset();
  quarantine().sweep_if_due();
}

}  // namespace posix_mmap
