#include "environment/environment.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "posix/calls/map.h"
#include "posix/calls/remap.h"
#include "posix/faults/fault_guard.h"
#include "posix/faults/fault_listeners.h"

namespace posix_mmap {
namespace {

// A handle is generation * 2**24 + slot + 1, so that it stays below 2**53.
constexpr unsigned kSlotBits = 24;
constexpr uint32_t kGenerations = 1U << 29;

/// Enough for V8 to collect at once, whatever the size of its heap.
constexpr int64_t kPressure = int64_t{1} << 44;

class HandleScope {
 public:
  explicit HandleScope(napi_env env) : env_(env) { napi_open_handle_scope(env_, &scope_); }
  ~HandleScope() { napi_close_handle_scope(env_, scope_); }
  HandleScope(const HandleScope&) = delete;
  HandleScope& operator=(const HandleScope&) = delete;

 private:
  napi_env env_;
  napi_handle_scope scope_ = nullptr;
};

}  // namespace

bool Holding::take_news() {
  const uint64_t news = region->faults().news();
  return std::exchange(heard, news) != news;
}

Environment& Environment::of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<Environment*>(data);
}

void Environment::create(napi_env env) {
  auto* const self = new Environment(env);
  napi_set_instance_data(
      env, self, [](napi_env, void* data, void*) { delete static_cast<Environment*>(data); },
      nullptr);
}

Environment::~Environment() {
  silence_bells();
  for (Holding& holding : holdings_) {
    if (holding.region != nullptr) holding.region->part();
  }
  for (ExternalBuffer* buffer : buffers_) buffer->orphan();
  for (const int fd : descriptors_) close(fd);
}

int Environment::close_descriptor(int fd) {
  descriptors_.erase(fd);
  return close(fd) == 0 ? 0 : -errno;
}

uint64_t Environment::handle_of(size_t slot) const {
  return (uint64_t{holdings_[slot].generation} << kSlotBits) | (slot + 1);
}

uint64_t Environment::hold(Region* region) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<uint32_t>(holdings_.size()));
    holdings_.emplace_back();
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  Holding& holding = holdings_[slot];
  holding.region = region;
  holding.heard = region->faults().news();
  hang_bell(*region);
  return handle_of(slot);
}

void Environment::hang_bell(Region& region) {
  FaultBell* const mine = doorbell_.bell();
  FaultBell* before = nullptr;
  if (region.bell().compare_exchange_strong(before, mine, std::memory_order_seq_cst)) return;
  if (before != mine) region.bell().store(everybodys_bell(), std::memory_order_seq_cst);
}

Holding* Environment::find(uint64_t handle) {
  const uint64_t slot = (handle & ((uint64_t{1} << kSlotBits) - 1)) - 1;
  if (slot >= holdings_.size() || handle_of(slot) != handle) return nullptr;
  Holding& holding = holdings_[slot];
  return holding.region == nullptr ? nullptr : &holding;
}

void Environment::detach_buffers(Holding& holding) {
  const HandleScope scope(env_);
  for (ExternalBuffer* buffer : holding.buffers) {
    // All of them together hold the addresses of one region.
    const uint64_t share = holding.region->extent().mapped_length / holding.buffers.size();
    // Memory that was transferred belongs to the new ArrayBuffer and goes with it.
    if (!buffer->detach(share)) continue;
    waiting_.insert(buffer);
    quarantined_.fetch_add(1, std::memory_order_relaxed);
    quarantined_bytes_.fetch_add(share, std::memory_order_relaxed);
  }
  holding.buffers.clear();
  if (holding.lease != nullptr) holding.lease->end_use();
  holding.lease = nullptr;
}

void Environment::drop(uint64_t handle, bool detach) {
  Holding* const holding = find(handle);
  if (holding == nullptr) return;
  Region* const region = holding->region;
  if (detach) {
    detach_buffers(*holding);
  } else {
    const HandleScope scope(env_);
    for (ExternalBuffer* buffer : holding->buffers) buffer->let_go();
  }
  holding->region = nullptr;
  holding->buffers.clear();
  holding->lease = nullptr;
  holding->generation = (holding->generation + 1) % kGenerations;
  free_slots_.push_back(static_cast<uint32_t>(holding - holdings_.data()));
  region->part();
  reap();
  sweep_if_due();
}

int Environment::remap(uint64_t handle, uint64_t length) {
  Holding* const holding = find(handle);
  if (holding == nullptr) return -ESTALE;
  const HandleScope scope(env_);
  for (ExternalBuffer* buffer : holding->buffers) {
    if (buffer->is_foreign()) return -EXDEV;
  }
  Region* const old = holding->region;
  const size_t own = 1 + holding->buffers.size() + (holding->lease == nullptr ? 0 : 1);
  // Private pages move, and others would be left with zeros: those that have it, and those who come
  // by its token in the meantime.
  const bool hidden = !old->shared() && old->has_token();
  if (hidden) old->revoke_token();
  Region* moved = nullptr;
  const bool busy = !old->shared() && old->users() > own;
  const int result = busy ? -EBUSY : remap_region(*old, length, &moved);
  if (result == 0) {
    replace_region(*holding, moved);
  } else if (hidden) {
    old->issue_token();
  }
  return result;
}

int Environment::map_again(uint64_t handle, uint64_t length, int fd, uint64_t offset) {
  Holding* const holding = find(handle);
  if (holding == nullptr) return -ESTALE;
  Region* mapped = nullptr;
  const int result = map_region_again(*holding->region, fd, offset, length, &mapped);
  if (result == 0) replace_region(*holding, mapped);
  return result;
}

void Environment::replace_region(Holding& holding, Region* region) {
  Region* const old = holding.region;
  detach_buffers(holding);
  holding.region = region;
  hang_bell(*region);
  old->part();
  sweep_if_due();
}

Napi::Value Environment::give(uint64_t handle, uint64_t offset, size_t length,
                              napi_status& status) {
  reap();
  Holding* const holding = find(handle);
  auto* const buffer = new ExternalBuffer(*this, *holding->region, handle);
  buffers_.insert(buffer);
  holding->buffers.push_back(buffer);
  napi_value result = nullptr;
  status = buffer->create(offset, length, &result);
  return status == napi_ok ? Napi::Value(env_, result) : Napi::Value();
}

Napi::Value Environment::give_shared(uint64_t handle, napi_status& status) {
  Holding* const holding = find(handle);
  napi_value result = nullptr;
  status = create_shared_buffer(env_, *holding->region, holding->lease, &result);
  return status == napi_ok ? Napi::Value(env_, result) : Napi::Value();
}

void Environment::finished(ExternalBuffer* buffer) {
  ExternalBuffer* head = finished_.load(std::memory_order_relaxed);
  do {
    buffer->next_finished = head;
  } while (!finished_.compare_exchange_weak(head, buffer, std::memory_order_release,
                                            std::memory_order_relaxed));
}

void Environment::reap() {
  ExternalBuffer* buffer = finished_.exchange(nullptr, std::memory_order_acquire);
  while (buffer != nullptr) {
    ExternalBuffer* const next = buffer->next_finished;
    buffers_.erase(buffer);
    waiting_.erase(buffer);
    if (Holding* holding = find(buffer->handle())) std::erase(holding->buffers, buffer);
    buffer->delete_reference();
    delete buffer;
    buffer = next;
  }
}

void Environment::quarantine_ended(uint64_t share) {
  quarantined_.fetch_sub(1, std::memory_order_relaxed);
  quarantined_bytes_.fetch_sub(share, std::memory_order_relaxed);
}

void Environment::sweep(bool force) {
  if (force) {
    int64_t total = 0;
    if (napi_adjust_external_memory(env_, kPressure, &total) == napi_ok) {
      napi_adjust_external_memory(env_, -kPressure, &total);
    }
  }
  std::erase_if(waiting_, [this](ExternalBuffer* buffer) {
    const HandleScope scope(env_);
    buffer->release_if_collected();
    return !buffer->quarantined();
  });
}

void Environment::sweep_if_due() {
  if (quarantined() < sweep_at_ && quarantined_bytes_.load() < sweep_at_bytes_) return;
  sweep(false);
  if (quarantined() > sweep_at_ / 2 || quarantined_bytes_.load() > sweep_at_bytes_ / 2) sweep(true);
  // What is left is in use: wait for as much again before the next look at it.
  sweep_at_ = kSweepCount + 2 * quarantined();
  sweep_at_bytes_ = kSweepBytes + 2 * quarantined_bytes_.load();
}

void Environment::silence_bells() {
  const auto silence = [this](Region& region) {
    FaultBell* mine = doorbell_.bell();  // a record that is used again may have another's by now
    region.bell().compare_exchange_strong(mine, nullptr);
  };
  for (const Holding& holding : holdings_) {
    if (holding.region != nullptr) silence(*holding.region);
  }
  for (const ExternalBuffer* buffer : buffers_) silence(buffer->region());
  take_down_bell(&doorbell_);
  fault_guard_await_bells();
}

void Environment::keep_foreign_memory() {
  const HandleScope scope(env_);
  for (ExternalBuffer* buffer : buffers_) buffer->keep_if_foreign();
}

}  // namespace posix_mmap
