// The records of every external ArrayBuffer that one JS thread has made.
#pragma once

#include <atomic>
#include <cstdint>
#include <unordered_set>

#include "environment/external_buffer.h"
#include "environment/handle_table.h"
#include "environment/quarantine.h"
#include "napi_setup.h"

namespace posix_mmap {

class Buffers {
 public:
  Buffers(napi_env env, HandleTable& handles) : env_(env), handles_(handles), quarantine_(env) {}
  /// Ends with the environment. Records about which V8 will still call back delete themselves
  /// later.
  ~Buffers();
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;

  napi_env env() const { return env_; }
  Quarantine& quarantine() { return quarantine_; }

  /// An ArrayBuffer over part of a region that is held, or the status that says why not.
  napi_status create(uint64_t handle, uint64_t offset, size_t length, napi_value* result);

  /// Detaches every buffer of a holding, and ends the use of its SharedArrayBuffer. `attached` is
  /// an array of ArrayBuffers that cannot be detached, or undefined: those show zeros from then on.
  void detach(Holding& holding, napi_value function);
  /// For a holding whose Mapping object was collected. Its buffers may live on.
  void let_go(Holding& holding);
  /// How many buffers of a holding are known to be this thread's: the memory of any other may have
  /// been transferred.
  size_t count_own(const Holding& holding) const;

  /// Called by a finalizer, on any thread, when nothing will call back for `buffer` again.
  void finished(ExternalBuffer* buffer);
  /// Deletes the records of buffers that have finished.
  void reap();

  /// Must be called before the runtime calls the last finalizers: from then on memory that somebody
  /// else may be using is never given back.
  void keep_foreign_memory();

  /// Calls `visit(region)` for the region of each buffer, alive or not.
  template <typename Visit>
  void for_each_region(Visit visit) const {
    for (const ExternalBuffer* buffer : all_) visit(buffer->region());
  }

 private:
  napi_env env_;
  HandleTable& handles_;
  Quarantine quarantine_;
  std::unordered_set<ExternalBuffer*> all_;
  std::atomic<ExternalBuffer*> finished_{nullptr};
};

}  // namespace posix_mmap
