// A SharedArrayBuffer over a region. It cannot be detached, any thread may have it, and nobody
// knows which thread will let go of it last.
#pragma once

#include <memory>

#include "napi_setup.h"
#include "posix/region/region.h"
#include "posix/region/region_users.h"

namespace posix_mmap {

/// What one SharedArrayBuffer has of its region: it is a user until the mapping is unmapped, and
/// has a reference until the last thread has let go of it.
class SharedLease {
 public:
  explicit SharedLease(Region& region) : user_(region) {}
  ~SharedLease() = default;
  SharedLease(const SharedLease&) = delete;
  SharedLease& operator=(const SharedLease&) = delete;

  /// From here on the SharedArrayBuffer shows zeros, unless others use the memory. Idempotent. Only
  /// on the thread whose mapping it is.
  void end_use() {
    if (user_) ref_ = user_.end_use();
  }

 private:
  RegionUser user_;
  RegionRef ref_;
};

/// Whether the runtime can make a SharedArrayBuffer over memory that it did not allocate.
bool shared_buffers_supported();

/// Makes a SharedArrayBuffer: napi_generic_failure if the runtime cannot. unmap() must end the use
/// of `lease`.
napi_status create_shared_buffer(napi_env env, Region& region, std::shared_ptr<SharedLease>& lease,
                                 napi_value* result);

}  // namespace posix_mmap
