#include "environment/waits.h"

#include <cerrno>
#include <mutex>
#include <utility>
#include <vector>

#include "posix/region/region.h"
#include "posix/sync/futex.h"
#include "posix/sync/futex_waits.h"
#include "posix/sync/interruption.h"

#pragma weak uv_backend_fd

namespace posix_mmap {

/// Where threads leave the waits that have ended. Outlives the environment, whose end closes it.
struct WaitInbox {
  std::mutex mutex;
  uv_async_t* async = nullptr;  ///< nullptr once it is closed
  std::vector<Wait*> finished;
};

class Wait final : public FutexWait {
 public:
  Wait(const WaitRequest& request, std::shared_ptr<WaitInbox> inbox, uint64_t id)
      : FutexWait(request.word, request.expected, request.deadline,
                  request.region == nullptr ? RegionUser() : RegionUser(*request.region)),
        inbox_(std::move(inbox)),
        id_(id),
        keeps_alive_(request.keep_alive) {}

  uint64_t id() const { return id_; }
  int result() const { return result_; }
  bool keeps_alive() const { return keeps_alive_; }

  void finished(int result) noexcept override {
    result_ = result;
    {
      const std::lock_guard<std::mutex> lock(inbox_->mutex);
      if (inbox_->async != nullptr) {
        inbox_->finished.push_back(this);
        uv_async_send(inbox_->async);
        return;
      }
    }
    delete this;
  }

 private:
  std::shared_ptr<WaitInbox> inbox_;
  const uint64_t id_;
  const bool keeps_alive_;
  int result_ = 0;
};

Waits::Waits(napi_env env) : env_(env), inbox_(std::make_shared<WaitInbox>()) {}

Waits::~Waits() {
  if (interruption_ != nullptr) stop_interruptions(interruption_);
}

bool Waits::listen(const Napi::Function& listener) {
  listener_.set(listener);
  if (async_ != nullptr) return true;
  async_ = Async::open(env_, *this, [](uv_loop_t* loop, uv_async_t* handle) {
    return uv_async_init(loop, handle, [](uv_async_t* async) { Async::owner_of(async).deliver(); });
  });
  if (async_ != nullptr) inbox_->async = &async_->handle();
  return async_ != nullptr;
}

int64_t Waits::start(const WaitRequest& request) {
  if (async_ == nullptr) return -ENOTSUP;
  const uint64_t id = ++last_;
  auto* const wait = new Wait(request, inbox_, id);
  const int error = start_futex_wait(*wait, request.confirm);
  if (error != 0) {
    delete wait;
    return error;
  }
  running_.emplace(id, wait);
  if (request.keep_alive && keeping_alive_++ == 0) async_->keep_alive(true);
  return static_cast<int64_t>(id);
}

void Waits::ended(const Wait& wait) {
  running_.erase(wait.id());
  if (wait.keeps_alive() && --keeping_alive_ == 0) async_->keep_alive(false);
}

bool Waits::cancel(uint64_t id) {
  const auto found = running_.find(id);
  if (found == running_.end() || !cancel_futex_wait(*found->second)) return false;
  const Wait* const wait = found->second;
  ended(*wait);
  delete wait;
  return true;
}

int Waits::wait(const uint32_t* word, uint32_t expected, int64_t deadline) {
  if (interruption_ == nullptr || !futex_wait_any_supported()) {
    return futex_wait(word, expected, deadline);
  }
  return interruptible_futex_wait(*interruption_, word, expected, deadline);
}

bool Waits::allow_interruptions() {
  if (!futex_wait_any_supported() || &uv_backend_fd == nullptr) return false;
  uv_loop_t* loop = nullptr;
  if (interruption_ != nullptr) return true;
  return napi_get_uv_event_loop(env_, &loop) == napi_ok &&
         start_interruptions(uv_backend_fd(loop), &interruption_) == 0;
}

void Waits::deliver() {
  std::vector<Wait*> finished;
  {
    const std::lock_guard<std::mutex> lock(inbox_->mutex);
    finished.swap(inbox_->finished);
  }
  // Listeners start other waits: nothing of `running_` may be held while they run.
  for (const Wait* wait : finished) ended(*wait);
  for (const Wait* wait : finished) {
    listener_.call(env_, {static_cast<double>(wait->id()), static_cast<double>(wait->result())});
    delete wait;
  }
}

void Waits::on_loop_end(uv_async_t& /*handle*/) {
  {
    const std::lock_guard<std::mutex> lock(inbox_->mutex);
    inbox_->async = nullptr;
    for (const Wait* wait : inbox_->finished) {
      running_.erase(wait->id());
      delete wait;
    }
    inbox_->finished.clear();
  }
  // Those that are on their way to the inbox delete themselves when they see that it is closed.
  for (const auto& [id, wait] : running_) {
    if (cancel_futex_wait(*wait)) delete wait;
  }
  running_.clear();
  async_ = nullptr;
  listener_.reset();
}

}  // namespace posix_mmap
