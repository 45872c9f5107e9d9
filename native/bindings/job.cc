#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "environment/environment.h"
#include "posix/calls/lock.h"
#include "posix/calls/msync.h"
#include "posix/calls/populate.h"
#include "posix/threads/copy_steps.h"
#include "posix/threads/prefetch_steps.h"
#include "posix/threads/range_steps.h"

namespace posix_mmap {
namespace {

// While pages are faulted in, another thread's mmap(2) must wait, so a piece of that work is small
// enough to take about a millisecond when the pages are in the page cache. Each msync(2) waits for
// the device, so its pieces are larger.
constexpr uint64_t kFaultPiece = uint64_t{4} << 20;
constexpr uint64_t kFlushPiece = uint64_t{64} << 20;

/// Starts the call of `request` on the range in arguments 1 and 2: job | -errno.
Napi::Value start(const Napi::CallbackInfo& info, RangeRequest request) {
  Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  request.offset = uint64_at(info, 1);
  request.length = uint64_at(info, 2);
  Jobs& jobs = Environment::of(info.Env()).jobs();
  return number(info, jobs.start(*region, std::make_unique<RangeSteps>(request)));
}

int sync_call(Region& region, uint64_t offset, uint64_t length, int flags) {
  return sync(region, offset, length, flags);
}

int populate_call(Region& region, uint64_t offset, uint64_t length, int write) {
  return populate(region, offset, length, write != 0);
}

int lock_call(Region& region, uint64_t offset, uint64_t length, int on_fault) {
  return lock_pages(region, offset, length, on_fault != 0);
}

int unlock_call(Region& region, uint64_t offset, uint64_t length, int /*unused*/) {
  return unlock_pages(region, offset, length);
}

/// Pairs of an offset and a length, in a Float64Array.
std::vector<OffsetRange> ranges_at(const Napi::CallbackInfo& info, size_t index) {
  const Elements<double> numbers = doubles_at(info, index);
  std::vector<OffsetRange> ranges;
  ranges.reserve(numbers.length / 2);
  for (size_t i = 0; i + 1 < numbers.length; i += 2) {
    ranges.push_back(
        {static_cast<uint64_t>(numbers.data[i]), static_cast<uint64_t>(numbers.data[i + 1])});
  }
  return ranges;
}

/// Gives what was copied to a Uint8Array, if that has its memory still. By status codes, because
/// the environment may be ending.
class CopyHarvest {
 public:
  CopyHarvest(napi_env env, napi_value target) : env_(env) {
    napi_create_reference(env, target, 1, &target_);
  }
  ~CopyHarvest() { napi_delete_reference(env_, target_); }
  CopyHarvest(const CopyHarvest&) = delete;
  CopyHarvest& operator=(const CopyHarvest&) = delete;

  Fault take(const CopySteps& copied) const {
    const Napi::HandleScope scope{Napi::Env(env_)};
    napi_value target = nullptr;
    void* data = nullptr;
    size_t length = 0;
    if (copied.fault().kind == FaultKind::none &&
        napi_get_reference_value(env_, target_, &target) == napi_ok && target != nullptr &&
        napi_get_buffer_info(env_, target, &data, &length) == napi_ok) {
      std::memcpy(data, copied.bytes(), std::min<uint64_t>(length, copied.length()));
    }
    return copied.fault();
  }

 private:
  const napi_env env_;
  napi_ref target_ = nullptr;
};

}  // namespace

// listenForJobs(listener): whether jobs can be started
Napi::Value listen_for_jobs(const Napi::CallbackInfo& info) {
  Jobs& jobs = Environment::of(info.Env()).jobs();
  return Napi::Boolean::New(info.Env(), jobs.listen(info[0].As<Napi::Function>()));
}

// startFlush(handle, offset, length, flags): job | -errno
Napi::Value start_flush(const Napi::CallbackInfo& info) {
  return start(info, {.call = sync_call, .piece = kFlushPiece, .argument = int32_at(info, 3)});
}

// startPopulate(handle, offset, length, write): job | -errno
Napi::Value start_populate(const Napi::CallbackInfo& info) {
  const int write = bool_at(info, 3) ? 1 : 0;
  return start(info, {.call = populate_call, .piece = kFaultPiece, .argument = write});
}

// startLock(handle, offset, length, onFault): job | -errno
Napi::Value start_lock(const Napi::CallbackInfo& info) {
  const int on_fault = bool_at(info, 3) ? 1 : 0;
  return start(
      info, {.call = lock_call, .undo = unlock_call, .piece = kFaultPiece, .argument = on_fault});
}

// startPrefetch(handle, ranges): job | -errno; pairs of offset and length
Napi::Value start_prefetch(const Napi::CallbackInfo& info) {
  Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  Jobs& jobs = Environment::of(info.Env()).jobs();
  return number(info, jobs.start(*region, std::make_unique<PrefetchSteps>(ranges_at(info, 1))));
}

// startCopy(handle, offset, target, ahead): job | -errno; so many bytes behind are read in as well
Napi::Value start_copy(const Napi::CallbackInfo& info) {
  Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  const uint64_t length = bytes_at(info, 2).length;
  auto steps = std::make_unique<CopySteps>(uint64_at(info, 1), length, uint64_at(info, 3));
  auto harvest = std::make_shared<const CopyHarvest>(info.Env(), info[2]);
  const auto take = [harvest = std::move(harvest)](napi_env, const RegionSteps& done) {
    return harvest->take(static_cast<const CopySteps&>(done));
  };
  return number(info, Environment::of(info.Env()).jobs().start(*region, std::move(steps), take));
}

// forbidProcessMadvise(forbidden)
Napi::Value forbid_process_madvise(const Napi::CallbackInfo& info) {
  process_madvise_forbid(bool_at(info, 0));
  return info.Env().Undefined();
}

// cancelJob(job)
Napi::Value cancel_job(const Napi::CallbackInfo& info) {
  Environment::of(info.Env()).jobs().cancel(uint64_at(info, 0));
  return info.Env().Undefined();
}

// abandonJob(job): nobody waits for it any more, and nothing is called when it ends
Napi::Value abandon_job(const Napi::CallbackInfo& info) {
  Environment::of(info.Env()).jobs().abandon(uint64_at(info, 0));
  return info.Env().Undefined();
}

// lookAtJobs(): makes up for threads that hang
Napi::Value look_at_jobs(const Napi::CallbackInfo& info) {
  background_look_again();
  return info.Env().Undefined();
}

}  // namespace posix_mmap
