// A function that opens a file and closes it again, and nobody's locks are lost: close(2) of any
// descriptor of a file drops the POSIX locks that this process holds on it, unless the descriptor
// was in another table than the one by which they were taken.
#pragma once

namespace posix_mmap {

/// A piece of work that outlives whoever has stopped waiting for it.
class DescriptorWork {
 public:
  DescriptorWork() = default;
  DescriptorWork(const DescriptorWork&) = delete;
  DescriptorWork& operator=(const DescriptorWork&) = delete;
  virtual ~DescriptorWork() = default;

  /// `may_open`: whether a file can be opened and closed here without losing a lock.
  virtual void run(bool may_open) noexcept = 0;
};

/// Runs `work` on a thread with a table of descriptors of its own, unshare(2) with CLONE_FILES, and
/// deletes it when it has ended and its caller has seen `read(work)`. False if it has not ended
/// after `patience_ms` milliseconds, or no thread can be made; then `read` is not called.
bool run_with_own_descriptors(DescriptorWork* work, int patience_ms,
                              void (*read)(const DescriptorWork& work, void* argument),
                              void* argument) noexcept;

}  // namespace posix_mmap
