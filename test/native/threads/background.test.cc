// Threads that hang, and those that make up for them.
#include "posix/threads/background.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

using posix_mmap::background_look_again;
using posix_mmap::background_submit;
using posix_mmap::BackgroundTask;
using posix_mmap::kMostBackgroundThreads;

namespace {

using std::chrono::milliseconds;

/// Hangs until it is let go, as a call of a disk that does not answer.
class Disk {
 public:
  void wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    answered_.wait(lock, [this] { return answers_; });
  }
  void answer() {
    const std::lock_guard<std::mutex> lock(mutex_);
    answers_ = true;
    answered_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable answered_;
  bool answers_ = false;
};

class Hanging final : public BackgroundTask {
 public:
  Hanging(Disk& disk, std::atomic<int>& begun, std::atomic<int>& ended)
      : disk_(disk), begun_(begun), ended_(ended) {}
  void run() noexcept override {
    ++begun_;
    disk_.wait();
    ++ended_;
  }
  void forget() { give_up(); }

 private:
  Disk& disk_;
  std::atomic<int>& begun_;
  std::atomic<int>& ended_;
};

template <typename Done>
bool wait_for(Done done, milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    background_look_again();
    std::this_thread::sleep_for(milliseconds(5));
  }
  return true;
}

}  // namespace

TEST_SUITE("background") {
  TEST_CASE("tasks that were given up, or hang for a second, do not stop others, up to a number") {
    Disk disk;
    std::atomic<int> begun{0};
    std::atomic<int> ended{0};
    std::deque<Hanging> tasks;
    const auto submit = [&] { return background_submit(tasks.emplace_back(disk, begun, ended)); };
    for (int i = 0; i < 4; ++i) CHECK(submit() == 0);
    REQUIRE(wait_for([&] { return begun == 4; }, milliseconds(20'000)));
    CHECK(submit() == 0);
    CHECK_FALSE(wait_for([&] { return begun == 5; }, milliseconds(300)));
    tasks[0].forget();
    CHECK(wait_for([&] { return begun == 5; }, milliseconds(500)));
    for (int i = 5; i < kMostBackgroundThreads + 3; ++i) CHECK(submit() == 0);
    CHECK(wait_for([&] { return begun == kMostBackgroundThreads; }, milliseconds(20'000)));
    CHECK_FALSE(wait_for([&] { return begun > kMostBackgroundThreads; }, milliseconds(1500)));
    disk.answer();
    CHECK(wait_for([&] { return ended == kMostBackgroundThreads + 3; }, milliseconds(20'000)));
  }
}
