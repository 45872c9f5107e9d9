#include "posix/threads/background.h"

#include <pthread.h>
#include <signal.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <mutex>

#include "posix/threads/condition.h"

namespace posix_mmap {
namespace {

// The default of musl is 128 KiB, and a fault may run every handler of the program on this stack.
constexpr size_t kStackBytes = size_t{1} << 20;

}  // namespace

class Background {
 public:
  /// Never destroyed, because its threads may still run while the process ends.
  static Background& instance() noexcept {
    static Background& only = *new Background();
    return only;
  }

  int submit(BackgroundTask& task) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (waiting_ <= queued_ && threads_ < kBackgroundThreads) {
      const int error = start_thread();
      if (error != 0 && threads_ == 0) return -error;
    }
    (last_ == nullptr ? first_ : last_->next_) = &task;
    last_ = &task;
    ++queued_;
    work_.notify_one();
    return 0;
  }

 private:
  int start_thread() noexcept {
    // Signals that are sent to the process are for the program's own threads. Those that the
    // processor raises must reach the fault guard.
    sigset_t blocked;
    sigset_t before;
    sigfillset(&blocked);
    for (const int raised : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) {
      sigdelset(&blocked, raised);
    }
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, kStackBytes);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    pthread_t thread{};
    const auto body = [](void* self) -> void* {
      static_cast<Background*>(self)->serve();
      return nullptr;
    };
    const int error = pthread_create(&thread, &attributes, body, this);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    if (error == 0) ++threads_;
    return error;
  }

  void serve() noexcept {
    while (BackgroundTask* const task = next()) task->run();
  }

  BackgroundTask* next() noexcept {
    constexpr auto kPatience = std::chrono::seconds(5);
    std::unique_lock<std::mutex> lock(mutex_);
    ++waiting_;
    work_.wait_for(lock, kPatience, [this] { return first_ != nullptr; });
    --waiting_;
    BackgroundTask* const task = first_;
    if (task == nullptr) {
      --threads_;
      return nullptr;
    }
    --queued_;
    first_ = task->next_;
    if (first_ == nullptr) last_ = nullptr;
    return task;
  }

  std::mutex mutex_;
  Condition work_;
  BackgroundTask* first_ = nullptr;
  BackgroundTask* last_ = nullptr;
  int threads_ = 0;
  int waiting_ = 0;
  int queued_ = 0;
};

int background_submit(BackgroundTask& task) noexcept { return Background::instance().submit(task); }

}  // namespace posix_mmap
