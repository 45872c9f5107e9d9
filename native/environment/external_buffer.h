// One ArrayBuffer over a region, and the two things about it that end at different times: the
// memory that V8 reads through, and the JS object that requests in flight hold on to.
#pragma once

#include <atomic>
#include <cstdint>

#include "napi_setup.h"
#include "posix/region/region.h"

namespace posix_mmap {

class Buffers;

class ExternalBuffer {
 public:
  ExternalBuffer(Buffers& buffers, Region& region, uint64_t handle);
  ~ExternalBuffer();
  ExternalBuffer(const ExternalBuffer&) = delete;
  ExternalBuffer& operator=(const ExternalBuffer&) = delete;

  /// Makes the ArrayBuffer. After a failure V8 may still call back, so the record has to stay.
  napi_status create(uint64_t offset, size_t length, napi_value* result);
  /// True if it was detached now, and its object may still be held by a request in flight; false if
  /// somebody else has the memory, because it was transferred, or the object was collected. `share`
  /// is how many bytes of addresses its quarantine counts for.
  bool detach(uint64_t share);
  /// Whether somebody else has detached it: its memory is in another ArrayBuffer.
  bool is_foreign() const;
  /// The mapping is gone, the ArrayBuffer need not be: from here on it may be collected.
  void let_go();
  /// For a detached buffer: gives the addresses back if the ArrayBuffer object is known to have
  /// been collected, without waiting for the event loop.
  void release_if_collected();
  /// At the end of the environment: keeps the memory for good if somebody else may be using it.
  void keep_if_foreign();
  /// The environment has ended. Deletes the record once its last finalizer has run, which in Deno
  /// is after that.
  void orphan();

  Region& region() const { return region_; }
  uint64_t handle() const { return handle_; }
  bool quarantined() const { return object_.load(std::memory_order_acquire); }
  void delete_reference();

  ExternalBuffer* next_finished = nullptr;

 private:
  static void on_backing_freed(napi_env env, void* data, void* hint);
  static void on_object_collected(napi_env env, void* data, void* hint);
  napi_value object() const;
  void leave_region();
  void release_backing();
  void end_quarantine();
  void called_back();

  Buffers& buffers_;
  Region& region_;
  const uint64_t handle_;
  napi_ref reference_ = nullptr;
  uint64_t share_ = 0;
  bool detached_ = false;
  bool transferred_ = false;
  bool kept_ = false;
  bool orphaned_ = false;
  std::atomic<int> callbacks_{0};     // finalizers that are still to come
  std::atomic<bool> backing_{false};  // holds a reference to the region for V8
  std::atomic<bool> user_{false};     // is a user of the region: not detached
  std::atomic<bool> object_{false};   // holds one for requests in flight, after a detach
};

}  // namespace posix_mmap
