#include <cerrno>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "environment/environment.h"
#include "posix/calls/lock.h"
#include "posix/calls/msync.h"
#include "posix/calls/populate.h"

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
  return number(info, Environment::of(info.Env()).jobs().start(*region, request));
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
