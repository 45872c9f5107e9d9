#include "posix/sync/interruption.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <new>

#include "posix/detached_thread.h"
#include "posix/sync/futex.h"

namespace posix_mmap {

/// Used again and never freed, since an event may be on its way.
class Interruption {
 public:
  int fd = -1;
  uint32_t count = 0;  ///< how often the thread was wanted; the futex
  uint32_t told = 0;   ///< of these; only the thread itself looks at it
  Interruption* next_free = nullptr;
};

namespace {

struct Watch {
  std::mutex mutex;
  int epoll = -1;
  Interruption* free = nullptr;
};

/// Never destroyed: its thread goes on while the process ends.
Watch& watch() noexcept {
  static Watch& only = *new Watch();
  return only;
}

void* serve(void* /*unused*/) {
  const int epoll = watch().epoll;
  for (;;) {
    std::array<epoll_event, 16> events{};
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      auto* const wanted = static_cast<Interruption*>(events[static_cast<size_t>(i)].data.ptr);
      __atomic_fetch_add(&wanted->count, 1, __ATOMIC_SEQ_CST);
      futex_wake(&wanted->count, 1);
    }
  }
}

int open_watch(Watch& here) noexcept {
  if (here.epoll >= 0) return 0;
  here.epoll = epoll_create1(EPOLL_CLOEXEC);
  if (here.epoll < 0) return -errno;
  const int error = start_detached_thread(serve, nullptr);
  if (error == 0) return 0;
  close(here.epoll);
  here.epoll = -1;
  return -error;
}

}  // namespace

int start_interruptions(int fd, Interruption** out) noexcept {
  Watch& here = watch();
  const std::lock_guard<std::mutex> lock(here.mutex);
  const int error = open_watch(here);
  if (error != 0) return error;
  Interruption* made = here.free;
  if (made != nullptr) {
    here.free = made->next_free;
  } else {
    made = new (std::nothrow) Interruption();
    if (made == nullptr) return -ENOMEM;
  }
  made->fd = fd;
  epoll_event event{};
  // By the edge: a loop that nobody turns stays readable.
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = made;
  if (epoll_ctl(here.epoll, EPOLL_CTL_ADD, fd, &event) == 0) {
    *out = made;
    return 0;
  }
  const int failed = -errno;
  made->next_free = here.free;
  here.free = made;
  return failed;
}

void stop_interruptions(Interruption* interruption) noexcept {
  Watch& here = watch();
  const std::lock_guard<std::mutex> lock(here.mutex);
  epoll_ctl(here.epoll, EPOLL_CTL_DEL, interruption->fd, nullptr);
  interruption->fd = -1;
  interruption->next_free = here.free;
  here.free = interruption;
}

int interruptible_futex_wait(Interruption& interruption, const uint32_t* word, uint32_t expected,
                             int64_t deadline) noexcept {
  const auto wanted = [&] { return __atomic_load_n(&interruption.count, __ATOMIC_SEQ_CST); };
  bool was_queued = false;
  for (;;) {
    const uint32_t count = wanted();
    if (count != interruption.told) {
      interruption.told = count;
      return was_queued ? -EINTR : -ERESTART;
    }
    // Its own word first: of two that were woken the kernel tells the last.
    const std::array<FutexWord, 2> words{FutexWord{&interruption.count, count},
                                         FutexWord{word, expected}};
    const int result = futex_wait_any(words.data(), words.size(), deadline);
    if (result == 1) return 0;
    if (result == -EAGAIN && wanted() == count) return was_queued ? 0 : -EAGAIN;
    if (result < 0 && result != -EAGAIN && result != -EINTR) return result;
    was_queued = was_queued || result != -EAGAIN;
  }
}

}  // namespace posix_mmap
