#include "posix/threads/background.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>

#include "posix/condition.h"
#include "posix/detached_thread.h"

namespace posix_mmap {
namespace {

constexpr int64_t kHangsAfterMs = 1000;

int64_t now_ms() noexcept {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

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
    ++queued_;
    const int error = provide_threads();
    if (error != 0 && threads_ == 0) {
      --queued_;
      return error;
    }
    (last_ == nullptr ? first_ : last_->next_) = &task;
    last_ = &task;
    work_.notify_one();
    return 0;
  }

  void look_again() noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    provide_threads();
  }

 private:
  int hanging() const noexcept {
    const auto hangs = [now = now_ms()](const BackgroundSlot& slot) {
      return slot.used && (slot.given_up || now - slot.last_answer_ms > kHangsAfterMs);
    };
    return static_cast<int>(std::count_if(slots_.begin(), slots_.end(), hangs));
  }

  /// 0, or -errno if a thread is wanted and cannot be made.
  int provide_threads() noexcept {
    int error = 0;
    if (waiting_ < queued_ && threads_ < kMostBackgroundThreads &&
        threads_ - hanging() < kBackgroundThreads) {
      const auto body = [](void* self) -> void* {
        static_cast<Background*>(self)->serve();
        return nullptr;
      };
      error = -start_detached_thread(body, this);
      if (error == 0) ++threads_;
    }
    return error;
  }

  void serve() noexcept {
    BackgroundSlot* slot = nullptr;
    while (BackgroundTask* const task = next(slot)) task->run();
  }

  BackgroundTask* next(BackgroundSlot*& slot) noexcept {
    constexpr auto kPatience = std::chrono::seconds(5);
    std::unique_lock<std::mutex> lock(mutex_);
    if (slot != nullptr) slot->used = false;
    // One that did the work of another, which the kernel has let go since.
    if (threads_ - hanging() > kBackgroundThreads) {
      --threads_;
      return nullptr;
    }
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
    slot = &*std::ranges::find_if(slots_, [](const BackgroundSlot& each) { return !each.used; });
    slot->last_answer_ms = now_ms();
    slot->given_up = false;
    slot->used = true;
    task->slot_ = slot;
    return task;
  }

  std::mutex mutex_;
  Condition work_;
  BackgroundTask* first_ = nullptr;
  BackgroundTask* last_ = nullptr;
  std::array<BackgroundSlot, kMostBackgroundThreads> slots_{};
  int threads_ = 0;
  int waiting_ = 0;
  int queued_ = 0;
};

void BackgroundTask::progress() noexcept {
  if (BackgroundSlot* const slot = slot_) slot->last_answer_ms = now_ms();
}

void BackgroundTask::give_up() noexcept {
  BackgroundSlot* const slot = slot_;
  if (slot == nullptr) return;
  slot->given_up = true;
  background_look_again();
}

int background_submit(BackgroundTask& task) noexcept { return Background::instance().submit(task); }

void background_look_again() noexcept { Background::instance().look_again(); }

}  // namespace posix_mmap
