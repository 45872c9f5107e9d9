// Has a thread that waits for a word return when its event loop is wanted: by somebody who
// terminates it, for one. Only then, since a wait that ends and starts again has lost its place.
#pragma once

#include <cstdint>

namespace posix_mmap {

class Interruption;

/// Watches a descriptor that polls readable when the thread is wanted, an epoll(7) of its event
/// loop. 0 or -errno.
int start_interruptions(int fd, Interruption** out) noexcept;

/// Forgets it. The descriptor must still be open.
void stop_interruptions(Interruption* interruption) noexcept;

/// futex_wait(), or -EINTR when the thread is wanted meanwhile, or -ERESTART when it has been since
/// the last time, and has not waited; -ENOSYS without futex_waitv(2).
int interruptible_futex_wait(Interruption& interruption, const uint32_t* word, uint32_t expected,
                             int64_t deadline) noexcept;

}  // namespace posix_mmap
