// Calls a function that reads memory of a region at full speed; a fault there ends the function
// instead of replacing the page.
#pragma once

#include <ucontext.h>

#include <cstddef>

#include "posix/region/fault_log.h"

namespace posix_mmap {

/// What ended a section early: an access to `address`, which nobody has recorded yet. The kind is
/// none if the function returned.
struct SectionFault {
  FaultKind kind = FaultKind::none;
  std::byte* address = nullptr;
};

/// Calls `body(argument)`. The first fault on a page of `begin … begin + length` ends the function
/// where it stands, without destructors, so it must hold no lock and own no memory, and what it has
/// written by then must not be used. Faults elsewhere are repaired as usual.
SectionFault guarded_section(const std::byte* begin, size_t length, void (*body)(void*),
                             void* argument) noexcept;

/// For the fault guard: if this thread is in a section that `fault` ends, makes it continue after
/// the section and returns true. Async-signal-safe.
bool guarded_section_abandon(ucontext_t& context, FaultKind kind, std::byte* fault) noexcept;

}  // namespace posix_mmap
