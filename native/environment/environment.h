// Everything that one JS thread holds.
#pragma once

#include <cstdint>

#include "environment/buffers.h"
#include "environment/descriptors.h"
#include "environment/end_watch.h"
#include "environment/fault_listener.h"
#include "environment/handle_table.h"
#include "environment/jobs.h"
#include "environment/waits.h"
#include "napi_setup.h"
#include "posix/region/region.h"
#include "posix/threads/own_table.h"

namespace posix_mmap {

class Environment {
 public:
  static Environment& of(napi_env env);
  static void create(napi_env env);

  explicit Environment(napi_env env) : env_(env) {}
  ~Environment() { fault_listener_.stop(); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  HandleTable& handles() { return handles_; }
  Buffers& buffers() { return buffers_; }
  Quarantine& quarantine() { return buffers_.quarantine(); }
  Descriptors& descriptors() { return descriptors_; }
  OwnTable& own_table() { return own_table_; }
  /// Calls `body(fd)` where a descriptor is open: numbers from kOwnTable on are of the own table.
  template <typename Body>
  int64_t on_descriptor(int fd, Body body) {
    if (fd < kOwnTable) return body(fd);
    int64_t result = 0;
    const int refused = own_table_.run([&] { result = body(fd - kOwnTable); });
    return refused == 0 ? result : refused;
  }
  static constexpr int kOwnTable = 1 << 30;
  JsFaultListener& fault_listener() { return fault_listener_; }
  Jobs& jobs() { return jobs_; }
  Waits& waits() { return waits_; }
  EndWatch& end_watch() { return end_watch_; }

  uint64_t hold(RegionUser region);
  /// Ends the use of a region, after every buffer was detached by `function`, see Buffers.
  void unmap(uint64_t handle, napi_value function);
  /// Ends the use of a region whose buffers may live on.
  void release(uint64_t handle);

  /// Replaces the region of a handle by a remapped one, after detaching every buffer: 0 or -errno.
  /// -EBUSY when others use memory that is private. `function` as for unmap().
  int remap(uint64_t handle, uint64_t length, napi_value function);
  /// Replaces an empty region: 0 or -errno.
  int map_again(uint64_t handle, uint64_t length, int fd, uint64_t offset);

 private:
  void remove(uint64_t handle);
  void replace_region(Holding& holding, RegionUser region, napi_value function);

  // Members end in reverse order: the records of buffers before the users in the handle table.
  napi_env env_;
  Descriptors descriptors_;
  OwnTable own_table_;
  HandleTable handles_;
  Buffers buffers_{env_, handles_};
  JsFaultListener fault_listener_{env_, handles_, buffers_};
  Jobs jobs_{env_};
  Waits waits_{env_};
  EndWatch end_watch_{env_, buffers_};
};

}  // namespace posix_mmap
