// The repair that needs no VMA: a block of shared memory becomes one private copy, repaired pages
// and all, where several VMAs were before.
#pragma once

#include <ucontext.h>

#include <cstddef>

#include "posix/region/region.h"

namespace posix_mmap {

/// Makes a private, writable copy of a block around page `index` that has so many repaired pages
/// that the process has no more VMAs afterwards than before. Pages keep their content, but for that
/// page unless `keep`, which becomes zeros as what is lost does. False if there is no such block,
/// or no memory. The log has the pages of the block as replaced then. Async-signal-safe; for the
/// thread that has the turn.
bool copy_block(Region& region, FaultKind kind, size_t index, bool keep) noexcept;

/// For the fault guard: if a copy_block() has met with a page that its file lost that very moment,
/// lets it continue without the page. Async-signal-safe.
bool block_copy_abandon(ucontext_t& context, void* fault) noexcept;

}  // namespace posix_mmap
