// One pointer of each thread that a signal handler can read. Thread-local storage cannot hold it:
// musl loads no library that has the initial-exec model, and for every other model glibc allocates
// a thread's block when it is first used, which may be inside the handler.
#pragma once

namespace posix_mmap {

struct ThreadEntry;

/// Gives the calling thread a value for as long as the object lives. Objects may be nested; the
/// innermost value counts. The destructor must run on the same thread.
class ThreadValue {
 public:
  /// `value` must not be nullptr. Neither locks nor fails: without memory for another entry it
  /// waits until another thread leaves one.
  explicit ThreadValue(void* value) noexcept;
  ThreadValue(const ThreadValue&) = delete;
  ThreadValue& operator=(const ThreadValue&) = delete;
  ~ThreadValue();

  /// The value of the calling thread, or nullptr. Lock-free and async-signal-safe.
  static void* current() noexcept;

 private:
  ThreadEntry* entry_;
  void* outer_;
};

/// How many entries the table has; it grows with the number of threads that have a value at the
/// same time, and never shrinks. For tests.
unsigned thread_value_entries() noexcept;

}  // namespace posix_mmap
