// Puts a private page where an access failed, so that the access can complete.
#pragma once

#include <sched.h>

#include "posix/region/fault_log.h"
#include "posix/region/region.h"

namespace posix_mmap {

/// Whether an access to a page would succeed now. Both ask by system calls, which answer EFAULT
/// where the access itself would raise a signal, and neither changes the page's bytes.
bool page_readable(const void* page) noexcept;
bool page_writable(void* page) noexcept;

/// Whether a page may be read but its content is lost. False where the kernel cannot say.
bool page_lost(std::byte* page) noexcept;

/// Lets one thread at a time repair a region: a second thread that failed on the same page must
/// find it replaced, or it would replace the page again and lose what the first has stored by then.
/// The thread that has the turn must not fault in the region, or it would wait for itself.
class RepairTurn {
 public:
  explicit RepairTurn(Region& region) noexcept : region_(region) {
    while (region_.repairing().exchange(true, std::memory_order_acquire)) sched_yield();
  }
  ~RepairTurn() { region_.repairing().store(false, std::memory_order_release); }
  RepairTurn(const RepairTurn&) = delete;
  RepairTurn& operator=(const RepairTurn&) = delete;

 private:
  Region& region_;
};

/// Replaces the page of `address`, unless another thread has just done so. False if the kernel has
/// no memory for the page. Async-signal-safe.
bool repair_fault(Region& region, FaultKind kind, std::byte* address, bool store) noexcept;

/// The protection of pages `first … last` (exclusive) was set anew: those that a repair had opened
/// with their content are as they were before. For the thread that has the turn.
void close_opened(Region& region, size_t first, size_t last) noexcept;

}  // namespace posix_mmap
