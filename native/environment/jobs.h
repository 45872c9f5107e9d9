// Background work that one JS thread has started and waits for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "environment/loop_handle.h"
#include "environment/loop_listener.h"
#include "napi_setup.h"
#include "posix/threads/region_work.h"

namespace posix_mmap {

class Job;
struct JobInbox;

/// Takes over on the JS thread what a job has made, once that has ended well: what kept it from
/// that, kind none for nothing.
using JobHarvest = std::function<Fault(napi_env env, const RegionSteps& steps)>;

class Jobs {
 public:
  explicit Jobs(napi_env env);
  ~Jobs();
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  /// From now on the event loop calls `listener(job, done)` as work goes on, and
  /// `listener(job, done, result)` when it has ended, with the fields of a fault behind them if the
  /// harvest returned one. False if the runtime has no libuv.
  bool listen(const Napi::Function& listener);

  /// Starts a job: its number, which is positive, or -errno. The loop stays alive until it has
  /// ended.
  int64_t start(Region& region, std::unique_ptr<RegionSteps> steps, JobHarvest harvest = nullptr);
  /// Requests cancellation. The listener is still called when the job ends. Does nothing for a job
  /// that has ended.
  void cancel(uint64_t job);
  /// Forgets a job: the listener is not called for it, the loop does not wait for it. It goes on
  /// until the kernel lets go of its thread.
  void abandon(uint64_t job);

  void on_loop_end(uv_async_t& handle);

 private:
  using Async = LoopHandle<uv_async_t, Jobs>;
  struct Running {
    Job* job;
    JobHarvest harvest;  ///< here, since what it holds is the JS thread's
  };
  void deliver();
  void deliver_end(const Job& job, const JobHarvest& harvest);

  napi_env env_;
  Async* async_ = nullptr;
  LoopListener listener_{"posix-mmap:job"};
  std::shared_ptr<JobInbox> inbox_;
  std::unordered_map<uint64_t, Running> running_;
  uint64_t last_ = 0;
};

}  // namespace posix_mmap
