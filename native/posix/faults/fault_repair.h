// Puts a private page where an access failed, so that the access can complete.
#pragma once

#include <sched.h>

#include "posix/region/fault_log.h"
#include "posix/region/region.h"

namespace posix_mmap {

/// Whether an access to a page would succeed now, found out by system calls, which answer EFAULT
/// where the access itself would raise a signal. Neither changes the page's bytes.
bool page_readable(const void* page) noexcept;
bool page_writable(void* page) noexcept;

/// Whether a page may be read but is not to be had. Says no where the kernel cannot tell.
bool page_lost(std::byte* page) noexcept;

/// One repair at a time in a region: a second thread that failed on the same page must find it
/// replaced, or it would replace it again and lose what the first has stored by then. Whoever has
/// the turn may not fault in the region.
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

/// Replaces the page of `address`, unless another thread just did. False if the kernel has no
/// memory even for that. Async-signal-safe.
bool repair_fault(Region& region, FaultKind kind, std::byte* address, bool store) noexcept;

}  // namespace posix_mmap
