#include "environment/buffers.h"

namespace posix_mmap {

Buffers::~Buffers() {
  for (ExternalBuffer* buffer : all_) buffer->orphan();
}

napi_status Buffers::create(uint64_t handle, uint64_t offset, size_t length, napi_value* result) {
  reap();
  Holding* const holding = handles_.find(handle);
  auto* const buffer = new ExternalBuffer(*this, *holding->region, handle);
  all_.insert(buffer);
  holding->buffers.push_back(buffer);
  return buffer->create(offset, length, result);
}

void Buffers::detach(Holding& holding, napi_value function) {
  const Napi::HandleScope scope{Napi::Env(env_)};
  for (ExternalBuffer* buffer : holding.buffers) {
    // All of them together hold the addresses of one region.
    const uint64_t share = holding.region->extent().mapped_length / holding.buffers.size();
    // Memory that was transferred belongs to the new ArrayBuffer and goes with it.
    buffer->detach(share, function);
  }
  holding.buffers.clear();
  if (holding.lease != nullptr) holding.lease->end_use();
  holding.lease = nullptr;
}

void Buffers::let_go(Holding& holding) {
  const Napi::HandleScope scope{Napi::Env(env_)};
  for (ExternalBuffer* buffer : holding.buffers) buffer->note_transfer();
  holding.buffers.clear();
}

size_t Buffers::count_own(const Holding& holding) const {
  const Napi::HandleScope scope{Napi::Env(env_)};
  size_t count = 0;
  for (const ExternalBuffer* buffer : holding.buffers) {
    if (buffer->object() != nullptr && !buffer->is_foreign()) ++count;
  }
  return count;
}

void Buffers::finished(ExternalBuffer* buffer) {
  ExternalBuffer* head = finished_.load(std::memory_order_relaxed);
  do {
    buffer->next_finished = head;
  } while (!finished_.compare_exchange_weak(head, buffer, std::memory_order_release,
                                            std::memory_order_relaxed));
}

void Buffers::reap() {
  ExternalBuffer* buffer = finished_.exchange(nullptr, std::memory_order_acquire);
  while (buffer != nullptr) {
    ExternalBuffer* const next = buffer->next_finished;
    all_.erase(buffer);
    quarantine_.forget(buffer);
    if (Holding* holding = handles_.find(buffer->handle())) std::erase(holding->buffers, buffer);
    buffer->delete_reference();
    delete buffer;
    buffer = next;
  }
}

void Buffers::keep_foreign_memory() {
  const Napi::HandleScope scope{Napi::Env(env_)};
  for (ExternalBuffer* buffer : all_) buffer->keep_if_foreign();
}

}  // namespace posix_mmap
