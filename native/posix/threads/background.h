// The package's own threads, for system calls that may block for long. In libuv's pool, four such
// calls would keep every fs call of the program waiting.
#pragma once

namespace posix_mmap {

class BackgroundTask {
 public:
  BackgroundTask() = default;
  BackgroundTask(const BackgroundTask&) = delete;
  BackgroundTask& operator=(const BackgroundTask&) = delete;
  virtual ~BackgroundTask() = default;

  /// Called once, on one of these threads. May delete the task.
  virtual void run() noexcept = 0;

 private:
  friend class Background;
  BackgroundTask* next_ = nullptr;
};

/// The most threads of this kind that a process has.
inline constexpr int kBackgroundThreads = 4;

/// Runs `task` as soon as a thread is free, in the order of submission: 0, or -errno of
/// pthread_create(3), and then the task never runs. A thread that is idle for a while ends.
int background_submit(BackgroundTask& task) noexcept;

}  // namespace posix_mmap
