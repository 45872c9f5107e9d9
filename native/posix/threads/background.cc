#include "posix/threads/background.h"

#include <cerrno>
#include <chrono>
#include <mutex>

#include "posix/condition.h"
#include "posix/detached_thread.h"

namespace posix_mmap {
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
    const auto body = [](void* self) -> void* {
      static_cast<Background*>(self)->serve();
      return nullptr;
    };
    const int error = start_detached_thread(body, this);
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
