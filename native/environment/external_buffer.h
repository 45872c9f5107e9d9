// One ArrayBuffer over a region, and the two things about it that end at different times: the
// memory that V8 reads through, and the JS object that requests in flight hold on to.
#pragma once

#include <cstdint>

#include "napi_setup.h"
#include "posix/region/region.h"
#include "posix/region/region_users.h"

namespace posix_mmap {

class Buffers;

class ExternalBuffer {
 public:
  ExternalBuffer(Buffers& buffers, Region& region, uint64_t handle);
  ~ExternalBuffer();
  ExternalBuffer(const ExternalBuffer&) = delete;
  ExternalBuffer& operator=(const ExternalBuffer&) = delete;

  /// Makes the ArrayBuffer. After a failure V8 may still call back, so the record must stay.
  napi_status create(uint64_t offset, size_t length, napi_value* result);
  /// At unmap(): detaches the ArrayBuffer, and puts `share` bytes of addresses into quarantine for
  /// it, because a request in flight may still hold its object. Does nothing when somebody else has
  /// the memory, since it was transferred, or when the object was collected. `function` is
  /// ArrayBuffer.prototype.transfer where a buffer may be marked as untransferable: it throws where
  /// napi_detach_arraybuffer would end the process. A buffer that cannot be detached keeps its
  /// length and shows zeros.
  void detach(uint64_t share, napi_value function);
  /// Whether somebody else has detached it: its memory is in another ArrayBuffer.
  bool is_foreign() const;
  /// Remembers whether somebody else has detached it, while there may be an object to ask.
  void note_transfer();
  /// The ArrayBuffer, or nullptr once it was collected.
  napi_value object() const;
  /// For a detached buffer: gives the addresses back if the ArrayBuffer object is known to have
  /// been collected, without waiting for the event loop.
  void release_if_collected();
  /// At the end of the environment: keeps the memory for good if somebody else may be using it.
  void keep_if_foreign();
  /// The environment has ended. Deletes the record once its last finalizer has run, which in Deno
  /// is after that.
  void orphan();
  void delete_reference();

  /// The record of the region, which may be another region's by now if this one is not attached.
  Region& region() const { return region_; }
  uint64_t handle() const { return handle_; }
  bool quarantined() const;

  ExternalBuffer* next_finished = nullptr;

 private:
  /// Where the memory is. Every state ends in `orphaned` if V8 has yet to call back when the
  /// environment ends; otherwise the record is deleted.
  enum class State : uint8_t {
    /// V8 reads through the ArrayBuffer, or through one to which somebody has transferred the
    /// memory
    /// without our knowing. → transferred, quarantined, kept, freed.
    attached,
    /// The mapping ended when the memory was in somebody else's ArrayBuffer. → kept, freed.
    transferred,
    /// unmap() has detached the ArrayBuffer, or left it over zeros; its addresses stay taken.
    /// → freed, when its object is collected.
    quarantined,
    /// The environment is ending while somebody else may be using the memory: it is never given
    /// back.
    kept,
    /// Nobody reads through it any more.
    freed,
    /// The environment is gone: the last callback of V8 deletes the record.
    orphaned,
  };

  static void on_backing_freed(napi_env env, void* data, void* hint);
  static void on_object_collected(napi_env env, void* data, void* hint);
  void called_back();

  Buffers& buffers_;
  Region& region_;
  const uint64_t handle_;
  napi_ref reference_ = nullptr;
  uint64_t share_ = 0;

  // What finalizers change on other threads, all under one lock.
  State state_ = State::attached;
  int callbacks_ = 0;  ///< how many finalizers are still to come
  RegionUser user_;    ///< while attached or transferred: V8 may see the memory
  RegionRef backing_;  ///< after a detach: others in the runtime may hold the backing store
  RegionRef object_;   ///< in quarantine: requests in flight may hold the object
};

}  // namespace posix_mmap
