#include "posix/faults/fault_listeners.h"

#include <mutex>
#include <new>

namespace posix_mmap {
namespace {

/// Never freed, because a signal handler may be walking the list.
struct Slot {
  std::atomic<FaultListener*> listener{nullptr};
  Slot* next = nullptr;
};

std::atomic<Slot*> slots{nullptr};
std::mutex mutex;

void notify_all(FaultListener* /*listener*/) {
  for (Slot* slot = slots.load(std::memory_order_acquire); slot != nullptr; slot = slot->next) {
    FaultListener* const listener = slot->listener.load(std::memory_order_seq_cst);
    if (listener != nullptr) listener->notify(listener);
  }
}

FaultListener everybody{notify_all};

Slot* slot_of(const FaultListener* listener) noexcept {
  Slot* slot = slots.load(std::memory_order_acquire);
  while (slot != nullptr && slot->listener.load(std::memory_order_relaxed) != listener)
    slot = slot->next;
  return slot;
}

}  // namespace

FaultListener* all_fault_listeners() noexcept { return &everybody; }

void add_fault_listener(FaultListener* listener) noexcept {
  const std::lock_guard<std::mutex> lock(mutex);
  if (slot_of(listener) != nullptr) return;
  Slot* slot = slot_of(nullptr);
  if (slot == nullptr) {
    slot = new (std::nothrow) Slot();
    if (slot == nullptr) return;
    slot->next = slots.load(std::memory_order_relaxed);
    slots.store(slot, std::memory_order_release);
  }
  slot->listener.store(listener, std::memory_order_seq_cst);
}

void remove_fault_listener(const FaultListener* listener) noexcept {
  const std::lock_guard<std::mutex> lock(mutex);
  if (Slot* const slot = slot_of(listener))
    slot->listener.store(nullptr, std::memory_order_seq_cst);
}

}  // namespace posix_mmap
