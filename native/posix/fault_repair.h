// Puts a private page where an access failed, so that the access can complete.
#pragma once

#include "fault_log.h"
#include "region.h"

namespace posix_mmap {

/// Whether an access to a page would succeed now, found out by system calls, which answer EFAULT
/// where the access itself would raise a signal. Neither changes the page's bytes.
bool page_readable(const void* page) noexcept;
bool page_writable(void* page) noexcept;

/// Whether a page may be read but is not to be had. Says no where the kernel cannot tell.
bool page_lost(std::byte* page) noexcept;

std::byte* page_of(std::byte* address) noexcept;

/// Replaces the page of `address`, unless another thread just did. False if the kernel has no
/// memory even for that. Async-signal-safe.
bool repair_fault(Region& region, FaultKind kind, std::byte* address, bool store) noexcept;

}  // namespace posix_mmap
