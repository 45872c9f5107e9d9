#include "environment/jobs.h"

#include <cerrno>
#include <mutex>
#include <utility>
#include <vector>

namespace posix_mmap {

/// Where background threads leave finished jobs for the loop. Outlives the environment, whose end
/// closes it.
struct JobInbox {
  std::mutex mutex;
  uv_async_t* async = nullptr;  ///< nullptr once it is closed
  std::vector<Job*> finished;
};

class Job final : public RegionWork {
 public:
  Job(Region& region, std::unique_ptr<RegionSteps> steps, std::shared_ptr<JobInbox> inbox,
      uint64_t id)
      : RegionWork(region, std::move(steps)), inbox_(std::move(inbox)), id_(id) {}

  using RegionWork::steps;

  uint64_t id() const { return id_; }
  int result() const { return result_; }
  /// From here on it deletes itself when it has ended; false if it has. Needs the inbox's mutex.
  bool abandon() {
    abandoned_ = true;
    if (std::erase(inbox_->finished, this) != 0) return false;
    give_up();
    return true;
  }
  /// Stores how many bytes are done. False if they are as many as at the last call.
  bool take_progress(uint64_t& bytes) {
    bytes = done();
    return std::exchange(reported_, bytes) != bytes;
  }

 protected:
  void progressed() noexcept override {
    const std::lock_guard<std::mutex> lock(inbox_->mutex);
    if (inbox_->async != nullptr) uv_async_send(inbox_->async);
  }

  void finished(int result) noexcept override {
    result_ = result;
    {
      const std::lock_guard<std::mutex> lock(inbox_->mutex);
      if (inbox_->async != nullptr && !abandoned_) {
        inbox_->finished.push_back(this);
        uv_async_send(inbox_->async);
        return;
      }
    }
    delete this;
  }

 private:
  std::shared_ptr<JobInbox> inbox_;
  const uint64_t id_;
  uint64_t reported_ = 0;
  int result_ = 0;
  bool abandoned_ = false;  // guarded by the inbox's mutex
};

Jobs::Jobs(napi_env env) : env_(env), inbox_(std::make_shared<JobInbox>()) {}

Jobs::~Jobs() = default;

bool Jobs::listen(const Napi::Function& listener) {
  listener_.set(listener);
  if (async_ != nullptr) return true;
  async_ = Async::open(env_, *this, [](uv_loop_t* loop, uv_async_t* handle) {
    return uv_async_init(loop, handle, [](uv_async_t* async) { Async::owner_of(async).deliver(); });
  });
  if (async_ != nullptr) inbox_->async = &async_->handle();
  return async_ != nullptr;
}

int64_t Jobs::start(Region& region, std::unique_ptr<RegionSteps> steps, JobHarvest harvest) {
  if (async_ == nullptr) return -ENOTSUP;
  const uint64_t id = ++last_;
  auto* const job = new Job(region, std::move(steps), inbox_, id);
  running_.emplace(id, Running{job, std::move(harvest)});
  const int submitted = background_submit(*job);
  if (submitted != 0) {
    running_.erase(id);
    delete job;
    return submitted;
  }
  if (running_.size() == 1) async_->keep_alive(true);
  return static_cast<int64_t>(id);
}

void Jobs::cancel(uint64_t job) {
  const auto found = running_.find(job);
  if (found != running_.end()) found->second.job->cancel();
}

void Jobs::abandon(uint64_t job) {
  const auto found = running_.find(job);
  if (found == running_.end()) return;
  Job* const abandoned = found->second.job;
  running_.erase(found);
  if (running_.empty()) async_->keep_alive(false);
  abandoned->cancel();
  const std::shared_ptr<JobInbox> inbox = inbox_;
  const std::lock_guard<std::mutex> lock(inbox->mutex);
  if (!abandoned->abandon()) delete abandoned;
}

void Jobs::deliver() {
  std::vector<Job*> finished;
  {
    const std::lock_guard<std::mutex> lock(inbox_->mutex);
    finished.swap(inbox_->finished);
  }
  struct Progress {
    uint64_t id;
    uint64_t done;
  };
  // Listeners start other jobs, so no iterator into `running_` may be held while they run.
  std::vector<Running> ended;
  for (const Job* job : finished) {
    const auto found = running_.find(job->id());
    ended.push_back(std::move(found->second));
    running_.erase(found);
  }
  std::vector<Progress> unreported;
  for (const auto& [id, running] : running_) {
    uint64_t done = 0;
    if (running.job->take_progress(done)) unreported.push_back({id, done});
  }
  if (running_.empty()) async_->keep_alive(false);
  for (const Progress& one : unreported) {
    listener_.call(env_, {static_cast<double>(one.id), static_cast<double>(one.done)});
  }
  for (const auto& [job, harvest] : ended) {
    deliver_end(*job, harvest);
    delete job;
  }
}

void Jobs::deliver_end(const Job& job, const JobHarvest& harvest) {
  const auto id = static_cast<double>(job.id());
  const auto done = static_cast<double>(job.done());
  const auto result = static_cast<double>(job.result());
  const bool reaps = job.result() == 0 && harvest != nullptr;
  const Fault fault = reaps ? harvest(env_, job.steps()) : Fault{};
  if (fault.kind == FaultKind::none) {
    listener_.call(env_, {id, done, result});
  } else {
    listener_.call(
        env_, {id, done, result, static_cast<double>(fault.kind), static_cast<double>(fault.offset),
               static_cast<double>(fault.count), static_cast<double>(fault.error)});
  }
}

void Jobs::on_loop_end(uv_async_t& /*handle*/) {
  {
    const std::lock_guard<std::mutex> lock(inbox_->mutex);
    inbox_->async = nullptr;
    for (Job* job : inbox_->finished) {
      running_.erase(job->id());
      delete job;
    }
    inbox_->finished.clear();
    // The jobs that still run delete themselves when they have ended.
    for (const auto& [id, running] : running_) running.job->cancel();
  }
  running_.clear();
  async_ = nullptr;
  listener_.reset();
}

}  // namespace posix_mmap
