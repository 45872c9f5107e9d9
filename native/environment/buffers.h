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
  /// The environment ends: records that V8 will still call back about delete themselves later.
  ~Buffers();
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;

  napi_env env() const { return env_; }
  Quarantine& quarantine() { return quarantine_; }

  /// An ArrayBuffer over part of a region that is held, or the status that says why not.
  napi_status create(uint64_t handle, uint64_t offset, size_t length, napi_value* result);

  /// Empties every buffer of a holding, and ends its use of a SharedArrayBuffer.
  void detach(Holding& holding);
  /// The mapping object of a holding is gone, its buffers need not be.
  void let_go(Holding& holding);
  /// Whether somebody else has the memory of one of its buffers.
  bool any_foreign(const Holding& holding) const;

  /// Called by a finalizer, on any thread, when nothing will call back for `buffer` again.
  void finished(ExternalBuffer* buffer);
  /// Deletes the records of those.
  void reap();

  /// Before the runtime calls the last finalizers: from here on memory that somebody else may be
  /// using stays.
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
