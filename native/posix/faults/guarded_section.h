// A function that reads memory of a region at full speed, and that a fault there ends instead of
// replacing the page.
#pragma once

#include <ucontext.h>

#include <cstddef>

#include "posix/region/fault_log.h"

namespace posix_mmap {

/// What ended a section early: an access to `address`, which nobody has recorded yet. Kind none if
/// it came to its end.
struct SectionFault {
  FaultKind kind = FaultKind::none;
  std::byte* address = nullptr;
};

/// Calls `body(argument)`. The first fault on a page of `begin … begin + length` ends it where it
/// stands, without destructors: it may hold no lock and no memory, and what it has written by then
/// counts for nothing. Faults elsewhere are treated as ever.
SectionFault guarded_section(const std::byte* begin, size_t length, void (*body)(void*),
                             void* argument) noexcept;

/// For the fault guard: if this thread is in a section that `fault` ends, lets it continue behind
/// it and says true. Async-signal-safe.
bool guarded_section_abandon(ucontext_t& context, FaultKind kind, std::byte* fault) noexcept;

}  // namespace posix_mmap
