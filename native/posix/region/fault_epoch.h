// A number that moves whenever something happens for which a copy or a look may have to be made by
// the guarded functions: a fault, a page that was replaced or came back, a page that was protected.
// JavaScript reads it without a call.
#pragma once

#include <atomic>
#include <cstdint>

namespace posix_mmap {

/// Of all regions of the process. A plain word, since V8 reads it as an element of a typed array.
inline std::atomic<uint32_t> fault_epoch{0};
static_assert(std::atomic<uint32_t>::is_always_lock_free);

/// Async-signal-safe. Before a page is replaced, and before a page may not be accessed any more.
inline void move_fault_epoch() noexcept { fault_epoch.fetch_add(1, std::memory_order_seq_cst); }

}  // namespace posix_mmap
