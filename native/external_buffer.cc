#include "external_buffer.h"

#include "environment.h"

namespace posix_mmap {

ExternalBuffer::ExternalBuffer(Environment& environment, Region& region, uint64_t handle)
    : environment_(environment), region_(region), handle_(handle) {}

ExternalBuffer::~ExternalBuffer() {
  release_backing();
  end_quarantine();
}

napi_status ExternalBuffer::create(uint64_t offset, size_t length, napi_value* result) {
  const napi_env env = environment_.env();
  region_.retain();
  backing_.store(true);
  callbacks_.fetch_add(1);
  napi_status status = napi_create_external_arraybuffer(env, region_.extent().data() + offset,
                                                        length, on_backing_freed, this, result);
  if (status == napi_ok) status = napi_create_reference(env, *result, 0, &weak_);
  return status;
}

Detachment ExternalBuffer::detach() {
  const napi_env env = environment_.env();
  napi_value object = nullptr;
  if (weak_ != nullptr) napi_get_reference_value(env, weak_, &object);
  if (object == nullptr) return backing_.load() ? Detachment::foreign : Detachment::gone;
  bool detached = false;
  if (napi_is_detached_arraybuffer(env, object, &detached) != napi_ok || detached ||
      napi_detach_arraybuffer(env, object) != napi_ok) {
    return Detachment::foreign;
  }
  detached_ = true;
  region_.retain();
  object_.store(true, std::memory_order_release);
  if (napi_add_finalizer(env, object, this, on_object_collected, nullptr, nullptr) == napi_ok) {
    callbacks_.fetch_add(1);
  }
  return Detachment::done;
}

void ExternalBuffer::end_quarantine() {
  if (!object_.exchange(false, std::memory_order_acq_rel)) return;
  environment_.quarantine_ended(region_);
  region_.release();
}

void ExternalBuffer::release_backing() {
  if (backing_.exchange(false, std::memory_order_acq_rel) && !kept_) region_.release();
}

void ExternalBuffer::release_if_collected() {
  napi_value object = nullptr;
  if (weak_ != nullptr) napi_get_reference_value(environment_.env(), weak_, &object);
  if (object != nullptr) return;
  end_quarantine();
  // V8 let go of the memory when it was detached, but says so only when the event loop turns.
  release_backing();
}

void ExternalBuffer::keep_if_foreign() {
  // Without a reference it was never handed out.
  if (detached_ || weak_ == nullptr || !backing_.load()) return;
  const napi_env env = environment_.env();
  napi_value object = nullptr;
  bool detached = false;
  napi_get_reference_value(env, weak_, &object);
  if (object != nullptr && napi_is_detached_arraybuffer(env, object, &detached) == napi_ok) {
    kept_ = detached;
  } else {
    // Collected, and whether its memory went with it or to another thread is not to be known.
    kept_ = true;
  }
}

void ExternalBuffer::delete_reference() {
  if (weak_ != nullptr) napi_delete_reference(environment_.env(), weak_);
  weak_ = nullptr;
}

void ExternalBuffer::called_back() {
  if (callbacks_.fetch_sub(1) == 1) environment_.finished(this);
}

// Finalizers make no call into the environment: some runtimes run them on a collector's thread.

void ExternalBuffer::on_backing_freed(napi_env /*env*/, void* /*data*/, void* hint) {
  auto* const self = static_cast<ExternalBuffer*>(hint);
  self->release_backing();
  self->called_back();
}

void ExternalBuffer::on_object_collected(napi_env /*env*/, void* data, void* /*hint*/) {
  auto* const self = static_cast<ExternalBuffer*>(data);
  self->end_quarantine();
  self->called_back();
}

}  // namespace posix_mmap
