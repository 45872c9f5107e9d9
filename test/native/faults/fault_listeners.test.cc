// Faults that several threads want to hear of.
#include "posix/faults/fault_listeners.h"

#include <doctest/doctest.h>

#include <atomic>

using posix_mmap::FaultBell;

namespace {

struct Counter : FaultBell {
  Counter() {
    ring = [](FaultBell* self) { ++static_cast<Counter*>(self)->count; };
  }
  std::atomic<int> count{0};
};

void ring_everybodys() {
  FaultBell* const bell = posix_mmap::everybodys_bell();
  bell->ring(bell);
}

}  // namespace

TEST_CASE("everybody's bell rings those that hang, each once") {
  Counter first;
  Counter second;
  ring_everybodys();
  posix_mmap::hang_up_bell(&first);
  posix_mmap::hang_up_bell(&first);
  posix_mmap::hang_up_bell(&second);
  ring_everybodys();
  posix_mmap::take_down_bell(&first);
  posix_mmap::take_down_bell(&first);
  ring_everybodys();
  CHECK(first.count == 1);
  CHECK(second.count == 2);
  posix_mmap::hang_up_bell(&first);  // in the place that became free
  ring_everybodys();
  CHECK(first.count == 2);
  CHECK(second.count == 3);
  posix_mmap::take_down_bell(&first);
  posix_mmap::take_down_bell(&second);
  ring_everybodys();
  CHECK(first.count == 2);
}
