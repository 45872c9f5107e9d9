#include "posix/faults/fault_listeners.h"

#include <mutex>
#include <new>

namespace posix_mmap {
namespace {

/// Never freed, because a signal handler may be walking the list.
struct Hook {
  std::atomic<FaultBell*> bell{nullptr};
  Hook* next = nullptr;
};

std::atomic<Hook*> hooks{nullptr};
std::mutex mutex;

void ring_all(FaultBell* /*bell*/) {
  for (Hook* hook = hooks.load(std::memory_order_acquire); hook != nullptr; hook = hook->next) {
    FaultBell* const bell = hook->bell.load(std::memory_order_seq_cst);
    if (bell != nullptr) bell->ring(bell);
  }
}

FaultBell everybody{ring_all};

Hook* hook_of(const FaultBell* bell) noexcept {
  Hook* hook = hooks.load(std::memory_order_acquire);
  while (hook != nullptr && hook->bell.load(std::memory_order_relaxed) != bell) hook = hook->next;
  return hook;
}

}  // namespace

FaultBell* everybodys_bell() noexcept { return &everybody; }

void hang_up_bell(FaultBell* bell) noexcept {
  const std::lock_guard<std::mutex> lock(mutex);
  if (hook_of(bell) != nullptr) return;
  Hook* hook = hook_of(nullptr);
  if (hook == nullptr) {
    hook = new (std::nothrow) Hook();
    if (hook == nullptr) return;
    hook->next = hooks.load(std::memory_order_relaxed);
    hooks.store(hook, std::memory_order_release);
  }
  hook->bell.store(bell, std::memory_order_seq_cst);
}

void take_down_bell(const FaultBell* bell) noexcept {
  const std::lock_guard<std::mutex> lock(mutex);
  if (Hook* const hook = hook_of(bell)) hook->bell.store(nullptr, std::memory_order_seq_cst);
}

}  // namespace posix_mmap
