#include "environment/shared_buffer.h"

// Weak and declared here, because Node.js has it only from 22.23.3, 24.16 and 26.1 on.
extern "C" {
using SharedFinalizer = void (*)(void* data, void* hint);
napi_status __attribute__((weak)) node_api_create_external_sharedarraybuffer(
    napi_env env, void* data, size_t length, SharedFinalizer finalizer, void* hint,
    napi_value* result);
}

namespace posix_mmap {

bool shared_buffers_supported() { return &node_api_create_external_sharedarraybuffer != nullptr; }

napi_status create_shared_buffer(napi_env env, Region& region, std::shared_ptr<SharedLease>& lease,
                                 napi_value* result) {
  if (!shared_buffers_supported()) return napi_generic_failure;
  using Share = std::shared_ptr<SharedLease>;
  auto* const share = new Share(new SharedLease(region));
  const auto finalizer = [](void* /*data*/, void* hint) { delete static_cast<Share*>(hint); };
  const napi_status status = node_api_create_external_sharedarraybuffer(
      env, region.extent().data(), region.extent().byte_length, finalizer, share, result);
  if (status == napi_ok) {
    lease = *share;
  } else {
    delete share;
  }
  return status;
}

}  // namespace posix_mmap
