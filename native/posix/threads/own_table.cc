#include "posix/threads/own_table.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <new>

#include "posix/detached_thread.h"
#include "posix/kernel_constants.h"

namespace posix_mmap {
namespace {

/// A word that one thread waits on and one other changes.
class Turn {
 public:
  [[nodiscard]] int get() const noexcept { return word_.load(std::memory_order_acquire); }
  void set(int value) noexcept {
    word_.store(value, std::memory_order_release);
    syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
  /// Returns once it is not `value`.
  void wait_while(int value) const noexcept {
    while (get() == value)
      syscall(SYS_futex, &word_, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
  }

 private:
  std::atomic<int> word_{0};
};

}  // namespace

/// Freed by whichever of the two comes last: the thread, once it was told to end.
struct OwnTable::Thread {
  Turn asked;                     ///< how often it was called
  Turn done;                      ///< how often it has answered
  void (*body)(void*) = nullptr;  ///< nullptr: end
  void* argument = nullptr;
  int refused = 0;
};

void* OwnTable::serve(void* raw) {
  auto* const self = static_cast<Thread*>(raw);
  // unshare(2) would copy the table first, and keep every socket of the process open meanwhile.
  if (syscall(SYS_close_range, 0U, ~0U, CLOSE_RANGE_UNSHARE) != 0) self->refused = -errno;
  const bool refused = self->refused != 0;
  self->done.set(1);
  if (refused) return nullptr;  // the caller frees it
  for (int turn = 0;;) {
    self->asked.wait_while(turn++);
    if (self->body == nullptr) break;
    self->body(self->argument);
    self->done.set(turn + 1);
  }
  delete self;
  return nullptr;
}

OwnTable::~OwnTable() {
  if (thread_ == nullptr) return;
  thread_->body = nullptr;
  thread_->asked.set(thread_->asked.get() + 1);
}

int OwnTable::start() noexcept {
  auto* const made = new (std::nothrow) Thread();
  if (made == nullptr) return -ENOMEM;
  const int started = -start_detached_thread(serve, made);
  if (started != 0) {
    delete made;
    return started;  // it may be possible later
  }
  made->done.wait_while(0);
  if (made->refused == 0) {
    thread_ = made;
    return 0;
  }
  refused_ = made->refused;
  delete made;
  return refused_;
}

int OwnTable::call(void (*body)(void*), void* argument) noexcept {
  if (refused_ != 0) return refused_;
  const int ready = thread_ == nullptr ? start() : 0;
  if (ready != 0) return ready;
  Thread& thread = *thread_;
  thread.body = body;
  thread.argument = argument;
  const int answered = thread.done.get();
  thread.asked.set(thread.asked.get() + 1);
  thread.done.wait_while(answered);
  return 0;
}

}  // namespace posix_mmap
