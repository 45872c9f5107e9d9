// A wait that ends when the thread's event loop is wanted.
#include "posix/sync/interruption.h"

#include <doctest/doctest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "posix/sync/futex.h"

using posix_mmap::deadline_in;
using posix_mmap::futex_wake;
using posix_mmap::interruptible_futex_wait;
using posix_mmap::Interruption;
using posix_mmap::kNoDeadline;

namespace {

/// As libuv has it: an epoll(7) that waits for an eventfd(2).
class Loop {
 public:
  Loop() {
    epoll_event event{};
    event.events = EPOLLIN;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &event);
    error = posix_mmap::start_interruptions(epoll_, &interruption);
  }
  ~Loop() {
    posix_mmap::stop_interruptions(interruption);
    close(epoll_);
    close(event_);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  void want() const {
    const uint64_t one = 1;
    CHECK(write(event_, &one, sizeof(one)) == sizeof(one));
  }

  Interruption* interruption = nullptr;
  int error = 0;

 private:
  int epoll_ = epoll_create1(0);
  int event_ = eventfd(0, EFD_NONBLOCK);
};

}  // namespace

TEST_SUITE("interruption") {
  TEST_CASE("waits as futex_wait() does") {
    if (!posix_mmap::futex_wait_any_supported()) return;
    const Loop loop;
    REQUIRE(loop.error == 0);
    uint32_t word = 3;
    CHECK(interruptible_futex_wait(*loop.interruption, &word, 2, kNoDeadline) == -EAGAIN);
    CHECK(interruptible_futex_wait(*loop.interruption, &word, 3, deadline_in(5)) == -ETIMEDOUT);
    std::atomic<int> result{1};
    std::thread waiter(
        [&] { result = interruptible_futex_wait(*loop.interruption, &word, 3, kNoDeadline); });
    while (futex_wake(&word, 1) == 0) usleep(500);
    waiter.join();
    CHECK(result.load() == 0);
  }

  TEST_CASE("each event ends a wait, also of a loop that is readable already") {
    if (!posix_mmap::futex_wait_any_supported()) return;
    const Loop loop;
    uint32_t word = 0;
    for (int i = 0; i < 20; ++i) {
      std::atomic<int> result{1};
      std::thread waiter([&] {
        int last = 0;
        // Events that came between two waits are told as that.
        do {
          last = interruptible_futex_wait(*loop.interruption, &word, 0, deadline_in(20'000));
        } while (last == -ERESTART);
        result = last;
      });
      while (result.load() > 0) {
        usleep(2000);
        loop.want();
      }
      waiter.join();
      CHECK(result.load() == -EINTR);
    }
  }

  TEST_CASE("an event before a wait is told without waiting") {
    if (!posix_mmap::futex_wait_any_supported()) return;
    const Loop loop;
    uint32_t word = 0;
    loop.want();
    usleep(50'000);
    CHECK(interruptible_futex_wait(*loop.interruption, &word, 0, deadline_in(5000)) == -ERESTART);
    CHECK(interruptible_futex_wait(*loop.interruption, &word, 0, deadline_in(5)) == -ETIMEDOUT);
  }
}
