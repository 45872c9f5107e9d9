// Work on a region that is done in the background and step by step, so that it can be stopped and
// its progress be read.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "posix/region/region.h"
#include "posix/threads/background.h"

namespace posix_mmap {

/// What is done, one step after the other, all of them on one thread.
class RegionSteps {
 public:
  RegionSteps() = default;
  RegionSteps(const RegionSteps&) = delete;
  RegionSteps& operator=(const RegionSteps&) = delete;
  virtual ~RegionSteps() = default;

  /// The next step: 0, or -errno, after which there is none.
  virtual int step(Region& region) noexcept = 0;
  /// Whether there is a next one.
  virtual bool more() const noexcept = 0;
  /// How many bytes the steps have done.
  virtual uint64_t done() const noexcept = 0;
  /// Called after an error or a cancellation.
  virtual void undo(Region& /*region*/) noexcept {}
};

/// Is a user of its region until it has ended, so that an unmap() meanwhile takes effect
/// afterwards.
class RegionWork : public BackgroundTask {
 public:
  RegionWork(Region& region, std::unique_ptr<RegionSteps> steps) noexcept;

  /// Makes the work stop before its next step. On any thread.
  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  /// How many bytes are done.
  uint64_t done() const noexcept { return done_.load(std::memory_order_acquire); }

  // Here, and not in the .cc: that has no RTTI, with which the tests' subclasses are compiled.
  void run() noexcept final { do_steps(); }

 protected:
  /// Called after each step but the last.
  virtual void progressed() noexcept {}
  /// Called last, with 0, -errno or -ECANCELED; may delete the work.
  virtual void finished(int result) noexcept = 0;
  /// Once it has ended.
  const RegionSteps& steps() const noexcept { return *steps_; }

 private:
  void do_steps() noexcept;

  RegionUser region_;
  const std::unique_ptr<RegionSteps> steps_;
  std::atomic<bool> cancelled_{false};
  std::atomic<uint64_t> done_{0};
};

}  // namespace posix_mmap
