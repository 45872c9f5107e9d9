// What one JS thread holds: its mappings by handle, and the buffers it has given out.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_set>
#include <vector>

#include "end_watch.h"
#include "environment/waits.h"
#include "external_buffer.h"
#include "fault_doorbell.h"
#include "jobs.h"
#include "napi_setup.h"
#include "posix/region.h"
#include "shared_buffer.h"

namespace posix_mmap {

/// One Mapping object's share of a region.
struct Holding {
  Region* region = nullptr;
  uint32_t generation = 0;
  uint64_t heard = 0;  ///< news of the fault log that were delivered
  std::vector<ExternalBuffer*> buffers;
  std::shared_ptr<SharedLease> lease;

  /// Whether there was a fault since this was asked last.
  bool take_news();
};

class Environment {
 public:
  static Environment& of(napi_env env);
  static void create(napi_env env);

  explicit Environment(napi_env env) : env_(env) {}
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  napi_env env() const { return env_; }

  /// Takes over one user. Handles are positive, fit in a JS number exactly, and never come back for
  /// another mapping.
  uint64_t hold(Region* region);
  Holding* find(uint64_t handle);
  /// Gives the reference back, and with `detach` empties every buffer first.
  void drop(uint64_t handle, bool detach);

  /// Replaces the region of a handle by a remapped one, after detaching every buffer: 0 or -errno.
  /// -EXDEV when somebody else has a buffer's memory, -EBUSY when others use what is private.
  int remap(uint64_t handle, uint64_t length);
  /// Replaces an empty region: 0 or -errno.
  int map_again(uint64_t handle, uint64_t length, int fd, uint64_t offset);

  /// An ArrayBuffer over part of a held region; empty with an exception pending, or with `status`
  /// telling why not.
  Napi::Value give(uint64_t handle, uint64_t offset, size_t length, napi_status& status);

  /// A SharedArrayBuffer over a held region: as give(), napi_generic_failure where the runtime
  /// cannot make one.
  Napi::Value give_shared(uint64_t handle, napi_status& status);

  /// Releases the addresses of detached buffers whose JS objects are gone. `force` has V8 collect
  /// garbage first.
  void sweep(bool force);
  /// How many detached buffers still keep addresses taken.
  size_t quarantined() const { return quarantined_.load(std::memory_order_relaxed); }
  /// Called on any thread.
  void quarantine_ended(uint64_t share);

  /// Called by a finalizer, on any thread, when nothing will call back for `buffer` again.
  void finished(ExternalBuffer* buffer);

  /// Descriptors that end with the thread at the latest.
  void hold_descriptor(int fd) { descriptors_.insert(fd); }
  void hand_over_descriptor(int fd) { descriptors_.erase(fd); }
  int close_descriptor(int fd);

  EndWatch& end_watch() { return end_watch_; }
  /// Before the runtime calls finalizers: from here on memory that somebody else may be using
  /// stays.
  void keep_foreign_memory();

  Jobs& jobs() { return jobs_; }
  Waits& waits() { return waits_; }

  FaultDoorbell& doorbell() { return doorbell_; }
  /// Calls `visit(handle)` for each mapping with faults that nobody was told of.
  template <typename Visit>
  void for_each_news(Visit visit) {
    for (size_t slot = 0; slot < holdings_.size(); ++slot) {
      Holding& holding = holdings_[slot];
      if (holding.region != nullptr && holding.take_news()) visit(handle_of(slot));
    }
  }
  /// Takes the doorbell out of every region, so that it can be freed.
  void silence_bells();

 private:
  // Far below what a process may have (65,530 kernel mappings, 128 TiB of addresses), far above
  // what a program that lets its event loop turn ever gathers.
  static constexpr size_t kSweepCount = 4000;
  static constexpr uint64_t kSweepBytes = uint64_t{4} << 40;

  void hang_bell(Region& region);
  void detach_buffers(Holding& holding);
  void replace_region(Holding& holding, Region* region);
  void reap();
  uint64_t handle_of(size_t slot) const;
  void sweep_if_due();

  napi_env env_;
  std::vector<Holding> holdings_;
  std::vector<uint32_t> free_slots_;
  std::unordered_set<ExternalBuffer*> buffers_;
  /// Those of them whose addresses are quarantined: without a turn of the event loop the others
  /// only grow in number.
  std::unordered_set<ExternalBuffer*> waiting_;
  std::unordered_set<int> descriptors_;
  std::atomic<ExternalBuffer*> finished_{nullptr};
  FaultDoorbell doorbell_{*this};
  Jobs jobs_{*this};
  Waits waits_{*this};
  EndWatch end_watch_{*this};
  std::atomic<size_t> quarantined_{0};
  std::atomic<uint64_t> quarantined_bytes_{0};
  size_t sweep_at_ = kSweepCount;
  uint64_t sweep_at_bytes_ = kSweepBytes;
};

}  // namespace posix_mmap
