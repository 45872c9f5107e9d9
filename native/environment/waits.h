// Words that one JS thread waits for.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "environment/loop_handle.h"
#include "environment/loop_listener.h"
#include "napi_setup.h"

namespace posix_mmap {

class Interruption;
class Region;
class Wait;
struct WaitInbox;

/// A word in memory; the region, if it has one, is kept for as long as somebody waits for it.
struct WaitRequest {
  const uint32_t* word = nullptr;
  uint32_t expected = 0;
  int64_t deadline = 0;
  Region* region = nullptr;
  bool confirm = false;    ///< return when a wake-up would find it
  bool keep_alive = true;  ///< the event loop, until it has ended
};

class Waits {
 public:
  explicit Waits(napi_env env);
  ~Waits();
  Waits(const Waits&) = delete;
  Waits& operator=(const Waits&) = delete;

  /// From now on `listener(wait, result)` is called from the event loop when a wait has ended.
  /// False where the runtime has no libuv.
  bool listen(const Napi::Function& listener);

  /// A positive number for the wait, or -errno.
  int64_t start(const WaitRequest& request);
  /// Ends it without a call of the listener: true. False if that is on its way.
  bool cancel(uint64_t id);

  /// Blocks this thread: futex_wait(), and -EINTR or -ERESTART as interruptible_futex_wait() where
  /// somebody may terminate the thread.
  int wait(const uint32_t* word, uint32_t expected, int64_t deadline);
  /// Has wait() return for those who terminate this thread. False where that takes slices.
  bool allow_interruptions();

  void on_loop_end(uv_async_t& handle);

 private:
  using Async = LoopHandle<uv_async_t, Waits>;
  void deliver();
  void ended(const Wait& wait);

  napi_env env_;
  Async* async_ = nullptr;
  LoopListener listener_{"posix-mmap:wait"};
  std::shared_ptr<WaitInbox> inbox_;
  std::unordered_map<uint64_t, Wait*> running_;
  size_t keeping_alive_ = 0;
  uint64_t last_ = 0;
  Interruption* interruption_ = nullptr;
};

}  // namespace posix_mmap
