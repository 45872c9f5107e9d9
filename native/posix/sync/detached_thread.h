// Threads of the package's own that nobody joins.
#pragma once

namespace posix_mmap {

/// pthread_create(3) — 0 or -errno. Signals that are sent to the process stay the program's: the
/// thread takes only those that the processor raises, which the fault guard answers.
int start_detached_thread(void (*body)(void*), void* argument) noexcept;

}  // namespace posix_mmap
