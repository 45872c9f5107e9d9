// Threads of the package's own.
#pragma once

namespace posix_mmap {

/// pthread_create(3) — calls `body(argument)` on a new detached thread that takes no signals but
/// those that the processor raises: 0 or -errno. Signals that are sent to the process are for the
/// program's own threads; the others must reach the fault guard.
int start_service_thread(void (*body)(void*), void* argument) noexcept;

}  // namespace posix_mmap
