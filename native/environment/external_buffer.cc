#include "environment/external_buffer.h"

#include <mutex>

#include "environment/buffers.h"

namespace posix_mmap {
namespace {

/// Some runtimes run finalizers on a collector's thread, or after the end of the environment.
std::mutex between_finalizers_and_the_end;
using Lock = std::lock_guard<std::mutex>;

}  // namespace

ExternalBuffer::ExternalBuffer(Buffers& buffers, Region& region, uint64_t handle)
    : buffers_(buffers), region_(region), handle_(handle) {}

ExternalBuffer::~ExternalBuffer() {
  release_backing();
  end_quarantine();
}

napi_status ExternalBuffer::create(uint64_t offset, size_t length, napi_value* result) {
  const napi_env env = buffers_.env();
  region_.join();
  backing_.store(true);
  user_.store(true);
  callbacks_.fetch_add(1);
  napi_status status = napi_create_external_arraybuffer(env, region_.extent().data() + offset,
                                                        length, on_backing_freed, this, result);
  // Strong, so that there is an object to ask whether it was transferred, until nobody has to.
  if (status == napi_ok) status = napi_create_reference(env, *result, 1, &reference_);
  return status;
}

napi_value ExternalBuffer::object() const {
  napi_value object = nullptr;
  if (reference_ != nullptr) napi_get_reference_value(buffers_.env(), reference_, &object);
  return object;
}

bool ExternalBuffer::is_foreign() const {
  napi_value buffer = object();
  bool detached = false;
  return !detached_ && buffer != nullptr &&
         napi_is_detached_arraybuffer(buffers_.env(), buffer, &detached) == napi_ok && detached;
}

void ExternalBuffer::let_go() {
  transferred_ = transferred_ || is_foreign();
  uint32_t count = 0;
  if (reference_ != nullptr) napi_reference_unref(buffers_.env(), reference_, &count);
}

bool ExternalBuffer::detach(uint64_t share) {
  const napi_env env = buffers_.env();
  napi_value buffer = object();
  if (buffer == nullptr) return false;
  let_go();
  if (transferred_) return false;
  // Counted first: Deno calls back about the memory before the detach returns.
  callbacks_.fetch_add(1);
  if (napi_detach_arraybuffer(env, buffer) != napi_ok) {
    callbacks_.fetch_sub(1);
    return false;
  }
  detached_ = true;
  share_ = share;
  region_.retain();
  object_.store(true, std::memory_order_release);
  if (napi_add_finalizer(env, buffer, this, on_object_collected, nullptr, nullptr) != napi_ok) {
    callbacks_.fetch_sub(1);
  }
  leave_region();
  return true;
}

void ExternalBuffer::end_quarantine() {
  if (!object_.exchange(false, std::memory_order_acq_rel)) return;
  buffers_.quarantine().ended(share_);
  region_.release();
}

void ExternalBuffer::leave_region() {
  if (user_.exchange(false, std::memory_order_acq_rel)) region_.leave();
}

void ExternalBuffer::release_backing() {
  if (!backing_.exchange(false, std::memory_order_acq_rel) || kept_) return;
  leave_region();
  region_.release();
}

void ExternalBuffer::release_if_collected() {
  if (object() != nullptr) return;
  end_quarantine();
  // V8 let go of the memory when it was detached, but says so only when the event loop turns.
  release_backing();
}

void ExternalBuffer::keep_if_foreign() {
  // Without a reference it was never handed out.
  if (detached_ || reference_ == nullptr || !backing_.load()) return;
  // Where the object was collected, it is not to be known whether its memory went with it or, after
  // it had outlived its mapping, to another thread.
  kept_ = transferred_ || object() == nullptr || is_foreign();
}

void ExternalBuffer::delete_reference() {
  if (reference_ != nullptr) napi_delete_reference(buffers_.env(), reference_);
  reference_ = nullptr;
}

void ExternalBuffer::called_back() {
  if (callbacks_.fetch_sub(1) != 1) return;
  if (orphaned_) {
    delete this;
  } else {
    buffers_.finished(this);
  }
}

void ExternalBuffer::orphan() {
  const Lock lock(between_finalizers_and_the_end);
  if (callbacks_.load() == 0) {
    delete this;
    return;
  }
  release_backing();
  end_quarantine();
  orphaned_ = true;
}

// Finalizers make no call into the environment of JavaScript.

void ExternalBuffer::on_backing_freed(napi_env /*env*/, void* /*data*/, void* hint) {
  const Lock lock(between_finalizers_and_the_end);
  auto* const self = static_cast<ExternalBuffer*>(hint);
  self->release_backing();
  self->called_back();
}

void ExternalBuffer::on_object_collected(napi_env /*env*/, void* data, void* /*hint*/) {
  const Lock lock(between_finalizers_and_the_end);
  auto* const self = static_cast<ExternalBuffer*>(data);
  self->end_quarantine();
  self->called_back();
}

}  // namespace posix_mmap
