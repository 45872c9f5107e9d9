#include "environment/external_buffer.h"

#include <mutex>
#include <utility>

#include "environment/buffers.h"

namespace posix_mmap {
namespace {

/// Some runtimes run finalizers on a collector's thread, or after the end of the environment. The
/// owners that are moved out of a record under this lock are declared before it, so that their
/// munmap(2), which may take long, happens after it.
std::mutex mutex;
using Lock = std::lock_guard<std::mutex>;

void detach_object(napi_env env, napi_value buffer, napi_value function) {
  napi_valuetype type = napi_undefined;
  if (function != nullptr) napi_typeof(env, function, &type);
  if (type != napi_function) {
    napi_detach_arraybuffer(env, buffer);
    return;
  }
  napi_value zero = nullptr;
  napi_value result = nullptr;
  napi_create_uint32(env, 0, &zero);
  const napi_status status = napi_call_function(env, buffer, function, 1, &zero, &result);
  if (status == napi_pending_exception) {
    napi_get_and_clear_last_exception(env, &result);
    return;
  }
  napi_valuetype answer = napi_undefined;
  napi_typeof(env, result, &answer);
  if (status == napi_ok && answer == napi_boolean) napi_detach_arraybuffer(env, buffer);
}

}  // namespace

ExternalBuffer::ExternalBuffer(Buffers& buffers, Region& region, uint64_t handle)
    : buffers_(buffers), region_(region), handle_(handle) {}

ExternalBuffer::~ExternalBuffer() {
  if (state_ == State::quarantined) buffers_.quarantine().ended(share_);
}

napi_status ExternalBuffer::create(uint64_t offset, size_t length, napi_value* result) {
  const napi_env env = buffers_.env();
  user_ = RegionUser(region_);
  callbacks_ = 1;
  napi_status status = napi_create_external_arraybuffer(env, region_.extent().data() + offset,
                                                        length, on_backing_freed, this, result);
  // The reference is weak: JavaScript keeps the object for as long as its mapping or a view of it
  // is reachable, and a strong one would keep the listener of the mapping, and so the mapping, for
  // good.
  if (status == napi_ok) status = napi_create_reference(env, *result, 0, &reference_);
  return status;
}

napi_value ExternalBuffer::object() const {
  napi_value object = nullptr;
  if (reference_ != nullptr) napi_get_reference_value(buffers_.env(), reference_, &object);
  return object;
}

bool ExternalBuffer::quarantined() const {
  const Lock lock(mutex);
  return state_ == State::quarantined;
}

bool ExternalBuffer::is_foreign() const {
  {
    const Lock lock(mutex);
    if (state_ != State::attached && state_ != State::transferred) return false;
  }
  napi_value buffer = object();
  bool detached = false;
  return buffer != nullptr &&
         napi_is_detached_arraybuffer(buffers_.env(), buffer, &detached) == napi_ok && detached;
}

void ExternalBuffer::note_transfer() {
  if (!is_foreign()) return;
  const Lock lock(mutex);
  if (state_ == State::attached) state_ = State::transferred;
}

void ExternalBuffer::detach(uint64_t share, napi_value function) {
  const napi_env env = buffers_.env();
  napi_value buffer = object();
  if (buffer == nullptr) return;
  note_transfer();
  // Everything is in place before the call: Deno calls back about the memory before it returns.
  {
    const Lock lock(mutex);
    if (state_ != State::attached) return;
    state_ = State::quarantined;
    share_ = share;
    backing_ = RegionRef(region_);
    object_ = RegionRef(region_);
    callbacks_ += 1;
  }
  buffers_.quarantine().add(this, share);
  detach_object(env, buffer, function);
  if (napi_add_finalizer(env, buffer, this, on_object_collected, nullptr, nullptr) != napi_ok) {
    const Lock lock(mutex);
    callbacks_ -= 1;
  }
  user_.reset();
}

void ExternalBuffer::release_if_collected() {
  if (object() != nullptr) return;
  RegionRef object;
  RegionRef backing;
  const Lock lock(mutex);
  if (state_ != State::quarantined) return;
  state_ = State::freed;
  buffers_.quarantine().ended(share_);
  object = std::move(object_);
  // V8 let go of the memory when it was detached, but says so only when the event loop turns.
  backing = std::move(backing_);
}

void ExternalBuffer::keep_if_foreign() {
  // Without a reference it was never handed out.
  if (reference_ == nullptr) return;
  // Where the object was collected, nobody can know whether its memory went with it or, after it
  // had outlived its mapping, to another thread.
  const bool foreign = object() == nullptr || is_foreign();
  const Lock lock(mutex);
  if (state_ == State::transferred || (state_ == State::attached && foreign)) {
    state_ = State::kept;
    user_.keep_for_good();
  }
}

void ExternalBuffer::delete_reference() {
  if (reference_ != nullptr) napi_delete_reference(buffers_.env(), reference_);
  reference_ = nullptr;
}

/// Under the lock, and the last thing that a finalizer does with the record.
void ExternalBuffer::called_back() {
  if (--callbacks_ > 0) return;
  if (state_ == State::orphaned) {
    delete this;
  } else {
    buffers_.finished(this);
  }
}

void ExternalBuffer::orphan() {
  RegionUser user;
  RegionRef object;
  RegionRef backing;
  const Lock lock(mutex);
  if (state_ == State::quarantined) buffers_.quarantine().ended(share_);
  state_ = State::orphaned;
  user = std::move(user_);
  object = std::move(object_);
  backing = std::move(backing_);
  if (callbacks_ == 0) delete this;
}

// Finalizers make no call into the environment of JavaScript.

void ExternalBuffer::on_backing_freed(napi_env /*env*/, void* /*data*/, void* hint) {
  auto* const self = static_cast<ExternalBuffer*>(hint);
  RegionUser user;
  RegionRef backing;
  const Lock lock(mutex);
  if (self->state_ == State::attached || self->state_ == State::transferred) {
    self->state_ = State::freed;
    user = std::move(self->user_);
  }
  // In quarantine detach() has ended the use, or is about to.
  backing = std::move(self->backing_);
  self->called_back();
}

void ExternalBuffer::on_object_collected(napi_env /*env*/, void* data, void* /*hint*/) {
  auto* const self = static_cast<ExternalBuffer*>(data);
  RegionRef object;
  const Lock lock(mutex);
  if (self->state_ == State::quarantined) {
    self->state_ = State::freed;
    self->buffers_.quarantine().ended(self->share_);
    object = std::move(self->object_);
  }
  self->called_back();
}

}  // namespace posix_mmap
