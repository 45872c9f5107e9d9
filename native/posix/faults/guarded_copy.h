// A memcpy(3) that stops at a fault instead of raising it.
#pragma once

#include <ucontext.h>

#include <cstddef>

namespace posix_mmap {

/// How a copy ended: `left` bytes at its end were not copied, because of a fault at `fault`. The
/// struct is returned in registers, where the fault guard writes it.
struct Copied {
  size_t left;
  std::byte* fault;
};

/// Copies `length` bytes between ranges that do not overlap, or overlap with `to` below `from`.
/// Stops at a page of a region that cannot be read or written, and replaces no page.
Copied guarded_copy(void* to, const void* from, size_t length) noexcept;

/// Stores zeros in the same manner. Returns how many bytes at the end were not stored.
size_t guarded_zero(void* to, size_t length) noexcept;

/// For the fault guard: if the interrupted instruction is one of guarded_copy's accesses, makes the
/// thread continue at the end of the copy and returns true. Async-signal-safe.
bool guarded_copy_abandon(ucontext_t& context, void* fault) noexcept;

}  // namespace posix_mmap
