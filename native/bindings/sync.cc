#include <cerrno>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "environment/environment.h"
#include "posix/files/link_descriptor.h"
#include "posix/region/region.h"
#include "posix/region/region_table.h"
#include "posix/sync/futex.h"
#include "posix/sync/futex_waits.h"
#include "posix/sync/owner_lock.h"

namespace posix_mmap {
namespace {

/// The elements of an Int32Array; none once its buffer is detached.
struct Words {
  uint32_t* data = nullptr;
  size_t length = 0;
};

Words words_at(const Napi::CallbackInfo& info, size_t index) {
  napi_typedarray_type type = napi_int8_array;
  void* data = nullptr;
  size_t length = 0;
  const napi_status status =
      napi_get_typedarray_info(info.Env(), info[index], &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != napi_int32_array || data == nullptr) return {};
  return {static_cast<uint32_t*>(data), length};
}

/// The word that arguments 0 and 1 name, or nullptr.
uint32_t* word_of(const Napi::CallbackInfo& info) {
  const Words words = words_at(info, 0);
  const uint64_t index = uint64_at(info, 1);
  return index < words.length ? words.data + index : nullptr;
}

double double_at(const Napi::CallbackInfo& info, size_t index) {
  double value = 0;
  napi_get_value_double(info.Env(), info[index], &value);
  return value;
}

// The bytes of a segment's file that stand for owners, far above all that it can hold.
constexpr uint64_t kFirstOwner = uint64_t{1} << 62U;

}  // namespace

// futexMemory(words): whether they are in a mapping of the package's
Napi::Value futex_memory(const Napi::CallbackInfo& info) {
  const Words words = words_at(info, 0);
  const bool found = words.data != nullptr && region_table_find(words.data) != nullptr;
  return Napi::Boolean::New(info.Env(), found);
}

// futexWait(words, index, expected, timeout): 0 | -errno; in milliseconds, Infinity for no end
Napi::Value futex_wait_here(const Napi::CallbackInfo& info) {
  const uint32_t* const word = word_of(info);
  if (word == nullptr) return number(info, -ESTALE);
  const auto expected = static_cast<uint32_t>(int32_at(info, 2));
  const int64_t deadline = deadline_in(double_at(info, 3));
  return number(info, Environment::of(info.Env()).waits().wait(word, expected, deadline));
}

// futexWake(words, index, count): how many | -errno
Napi::Value futex_wake_waiters(const Napi::CallbackInfo& info) {
  const uint32_t* const word = word_of(info);
  return number(info, word == nullptr ? -ESTALE : futex_wake(word, int32_at(info, 2)));
}

// allowInterruptions(): whether futexWait() ends by itself when this thread is terminated
Napi::Value allow_interruptions(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), Environment::of(info.Env()).waits().allow_interruptions());
}

// listenForWaits(listener): whether waits can be started
Napi::Value listen_for_waits(const Napi::CallbackInfo& info) {
  Waits& waits = Environment::of(info.Env()).waits();
  return Napi::Boolean::New(info.Env(), waits.listen(info[0].As<Napi::Function>()));
}

// startWait(words, index, expected, timeout, confirm, keepAlive): wait | -errno
Napi::Value start_wait(const Napi::CallbackInfo& info) {
  const uint32_t* const word = word_of(info);
  if (word == nullptr) return number(info, -ESTALE);
  const WaitRequest request{.word = word,
                            .expected = static_cast<uint32_t>(int32_at(info, 2)),
                            .deadline = deadline_in(double_at(info, 3)),
                            // It has a user: the array that this call was made with.
                            .region = region_table_find(word),
                            .confirm = bool_at(info, 4),
                            .keep_alive = bool_at(info, 5)};
  return number(info, Environment::of(info.Env()).waits().start(request));
}

// cancelWait(wait): whether it has not ended before
Napi::Value cancel_wait(const Napi::CallbackInfo& info) {
  const bool cancelled = Environment::of(info.Env()).waits().cancel(uint64_at(info, 0));
  return Napi::Boolean::New(info.Env(), cancelled);
}

// forbidFutexWaitv(forbidden)
Napi::Value forbid_futex_waitv(const Napi::CallbackInfo& info) {
  futex_wait_any_forbid(bool_at(info, 0));
  return info.Env().Undefined();
}

// waitThreads(): how many there are
Napi::Value wait_threads(const Napi::CallbackInfo& info) {
  return number(info, futex_wait_threads());
}

// holdOwner(fd, owner): 0 | -errno; -EAGAIN for one that another thread is
Napi::Value hold_owner(const Napi::CallbackInfo& info) {
  return number(info, hold_byte(int32_at(info, 0), kFirstOwner + uint64_at(info, 1)));
}

// findDeadOwners(fd, owners): 0 | -errno; those who live are 0 in the Int32Array afterwards
Napi::Value find_dead_owners(const Napi::CallbackInfo& info) {
  const int fd = int32_at(info, 0);
  const Words owners = words_at(info, 1);
  for (size_t i = 0; i < owners.length; ++i) {
    const int held = is_byte_held(fd, kFirstOwner + owners.data[i]);
    if (held < 0) return number(info, held);
    if (held == 1) owners.data[i] = 0;
  }
  return number(info, 0);
}

// linkDescriptor(fd, path): 0 | -errno
Napi::Value link_descriptor_at(const Napi::CallbackInfo& info) {
  return number(info, link_descriptor(int32_at(info, 0), string_at(info, 1).c_str()));
}

}  // namespace posix_mmap
