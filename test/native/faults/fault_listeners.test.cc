// Faults of which several threads are notified.
#include "posix/faults/fault_listeners.h"

#include <doctest/doctest.h>

#include <atomic>

using posix_mmap::FaultListener;

namespace {

struct Counter : FaultListener {
  Counter() {
    notify = [](FaultListener* self) { ++static_cast<Counter*>(self)->count; };
  }
  std::atomic<int> count{0};
};

void notify_everybody() {
  FaultListener* const listener = posix_mmap::all_fault_listeners();
  listener->notify(listener);
}

}  // namespace

TEST_CASE("fault_listeners: those that were added are notified, each once") {
  Counter first;
  Counter second;
  notify_everybody();
  posix_mmap::add_fault_listener(&first);
  posix_mmap::add_fault_listener(&first);
  posix_mmap::add_fault_listener(&second);
  notify_everybody();
  posix_mmap::remove_fault_listener(&first);
  posix_mmap::remove_fault_listener(&first);
  notify_everybody();
  CHECK(first.count == 1);
  CHECK(second.count == 2);
  posix_mmap::add_fault_listener(&first);  // in the place that became free
  notify_everybody();
  CHECK(first.count == 2);
  CHECK(second.count == 3);
  posix_mmap::remove_fault_listener(&first);
  posix_mmap::remove_fault_listener(&second);
  notify_everybody();
  CHECK(first.count == 2);
}
