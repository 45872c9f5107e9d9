// Chooses the read-ahead of mapped files by what their faults bring.
#pragma once

#include <cstdint>

#include "posix/region/region.h"

namespace posix_mmap {

/// From now on a thread looks what the process reads from its disks, getrusage(2). Where each fault
/// that waits for one brings no more than the read-ahead of the device, nothing is read in order,
/// and a mapping that does not fit into memory gets MADV_RANDOM; from time to time, so seldom that
/// it costs a twentieth of what is read, it gets MADV_NORMAL for some faults, and keeps it if they
/// bring more. `room` is how many bytes of the file can be in memory. A mapping that seems to fit
/// has MADV_NORMAL until more was read than it has. 0, -EINVAL for memory without a file, or -errno
/// of pthread_create(3). Does not keep the region.
int auto_advice_start(Region& region, uint64_t room) noexcept;

/// The same for the region that has come in place of another one, if that has it.
void auto_advice_move(const Region& older, Region& region) noexcept;

/// Leaves the advice as it is now.
void auto_advice_stop(const Region& region) noexcept;

/// What the thread knows and does, as a part that can be tested without one.
class ReadAheadChoice {
 public:
  explicit ReadAheadChoice(uint64_t read_ahead) noexcept : read_ahead_(read_ahead) {}

  enum class Mode : uint8_t {
    ahead,   ///< MADV_NORMAL
    random,  ///< MADV_RANDOM
    trial,   ///< MADV_NORMAL for a moment
  };

  /// Of the process.
  struct Usage {
    uint64_t faults = 0;  ///< that waited for a disk
    uint64_t hits = 0;    ///< other faults
    uint64_t bytes = 0;   ///< that were read
  };

  /// What has happened since the last call.
  Mode observe(const Usage& since) noexcept;
  /// Bytes that were read ahead of faults in no order.
  uint64_t scattered() const noexcept { return scattered_; }
  /// Whether there is anything to gain by MADV_RANDOM.
  void set_wanted(bool wanted) noexcept { wanted_ = wanted; }
  void set_read_ahead(uint64_t bytes) noexcept { read_ahead_ = bytes; }

 private:
  bool in_no_order() const noexcept;
  void enter(Mode mode) noexcept;

  uint64_t read_ahead_;
  Mode mode_ = Mode::ahead;
  bool wanted_ = false;
  int quiet_ = 0;             ///< looks since there was a fault
  Usage sum_;                 ///< since the mode, or the window, began
  uint64_t trial_bytes_ = 0;  ///< what the last trial has read
  uint64_t scattered_ = 0;
};

}  // namespace posix_mmap
