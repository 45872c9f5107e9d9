// The package's own threads, for system calls that may block for long. In libuv's pool, four such
// calls would keep every fs call of the program waiting.
#pragma once

#include <atomic>
#include <cstdint>

namespace posix_mmap {

/// What is known of the thread that runs a task.
struct BackgroundSlot {
  std::atomic<bool> used{false};
  std::atomic<int64_t> last_answer_ms{0};
  std::atomic<bool> given_up{false};
};

class BackgroundTask {
 public:
  BackgroundTask() = default;
  BackgroundTask(const BackgroundTask&) = delete;
  BackgroundTask& operator=(const BackgroundTask&) = delete;
  virtual ~BackgroundTask() = default;

  /// Called once, on one of these threads. May delete the task.
  virtual void run() noexcept = 0;

 protected:
  /// Within run(): the kernel has just answered, so that the thread does not hang.
  void progress() noexcept;
  /// On any thread, before run() has returned: nobody waits for the task any more. If its thread is
  /// in the kernel, another one may do its work.
  void give_up() noexcept;

 private:
  friend class Background;
  BackgroundTask* next_ = nullptr;
  std::atomic<BackgroundSlot*> slot_{nullptr};
};

/// The most threads of this kind that get answers from the kernel in a process.
inline constexpr int kBackgroundThreads = 4;

/// How many there are at most in all. Each thread that hangs (a disk or a server that does not
/// answer, for a second or until somebody gives up) is made up for by another one; when so many
/// hang, tasks wait until one is let go.
inline constexpr int kMostBackgroundThreads = 16;

/// Runs `task` as soon as a thread is free, in the order of submission: 0, or -errno of
/// pthread_create(3), and then the task never runs. A thread that is idle for a while ends.
int background_submit(BackgroundTask& task) noexcept;

/// Looks whether threads have begun to hang while tasks wait. Nobody is told when that happens:
/// whoever waits for a task calls this from time to time.
void background_look_again() noexcept;

}  // namespace posix_mmap
