// Threads of the package's own, for system calls that may block for long: in libuv's pool, four of
// them would keep every fs call of the program waiting.
#pragma once

namespace posix_mmap {

class BackgroundTask {
 public:
  BackgroundTask() = default;
  BackgroundTask(const BackgroundTask&) = delete;
  BackgroundTask& operator=(const BackgroundTask&) = delete;
  virtual ~BackgroundTask() = default;

  /// Called once, on a thread of the package's. May delete the task.
  virtual void run() noexcept = 0;

 private:
  friend class Background;
  BackgroundTask* next_ = nullptr;
};

/// How many of these threads there are at most in a process.
inline constexpr int kBackgroundThreads = 4;

/// Has `task` run as soon as a thread is free, in the order of submission: 0, or -errno of
/// pthread_create(3) and it will never run. Threads that had nothing to do for a while end.
int background_submit(BackgroundTask& task) noexcept;

}  // namespace posix_mmap
