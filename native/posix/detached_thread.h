// pthread_create(3): threads of the package, which nobody joins.
#pragma once

namespace posix_mmap {

/// Calls `serve(argument)` on a new thread: 0, or an error number of pthread_create(3). Signals
/// that are sent to the process are left to the program's own threads; those that the processor
/// raises reach the fault guard.
int start_detached_thread(void* (*serve)(void*), void* argument) noexcept;

}  // namespace posix_mmap
