// A memcpy(3) that stops at a fault instead of raising it.
#pragma once

#include <ucontext.h>

#include <cstddef>

namespace posix_mmap {

/// Copies `length` bytes between ranges that do not overlap, or overlap with `to` below `from`.
/// Returns how many bytes were not copied: 0, or what was left when a page of a region could not
/// be read or written. No page is replaced then.
size_t guarded_copy(void* to, const void* from, size_t length) noexcept;

/// Stores zeros in the same manner. Returns how many bytes were not reached.
size_t guarded_zero(void* to, size_t length) noexcept;

/// For the fault guard: if the interrupted instruction is one of guarded_copy's accesses, lets it
/// continue at the copy's end and says true. Async-signal-safe.
bool guarded_copy_abandon(ucontext_t& context) noexcept;

}  // namespace posix_mmap
