// Faults on several threads at once. The one test file that is above all for ThreadSanitizer.
#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "posix/calls/protection.h"
#include "posix/faults/fault_guard.h"
#include "posix/region/region_table.h"
#include "support/memory.h"

using testing::data;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::page;
using testing::RegionPtr;

namespace {

void run_threads(size_t count, auto body) {
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < count; ++thread) threads.emplace_back(body, thread);
  for (std::thread& thread : threads) thread.join();
}

/// Maps, loses the pages in one of three ways, touches all of them. How much of it went wrong.
size_t live_through_faults(uint64_t round) {
  constexpr size_t kPages = 8;
  const size_t pages = 1 + round % kPages;
  const testing::Descriptor file = testing::patterned_memfd(pages * kPage);
  const RegionPtr region = testing::map_file(file.get(), pages * kPage);
  size_t wrong = posix_mmap::region_table_find(data(region)) != region.get();
  for (size_t index = 0; index < pages; ++index) {
    wrong += testing::load(page(region, index)) != testing::pattern(index * kPage);
  }
  wrong += !(region->faults().peek() == Fault{});
  FaultKind kind = FaultKind::truncated;
  if (round % 3 == 0) {
    testing::resize(file.get(), 0);
  } else {
    kind = round % 3 == 1 ? FaultKind::no_access : FaultKind::read_only;
    const int prot = round % 3 == 1 ? PROT_NONE : PROT_READ;
    wrong += posix_mmap::protect(*region, 0, pages * kPage, prot) != 0;
  }
  for (size_t index = 0; index < pages; ++index) {
    const bool kept = kind == FaultKind::read_only;
    const std::byte expected = kept ? testing::pattern(index * kPage) : std::byte{0};
    if (!kept || round % 2 == 0) {
      wrong += testing::load(page(region, index)) != expected;
    }
    testing::store(page(region, index) + 1, std::byte{0x5A});
    wrong += testing::load(page(region, index)) != expected;
    wrong += testing::load(page(region, index) + 1) != std::byte{0x5A};
  }
  // A load of a page is answered by a page that may be written too, so one fault a page.
  const Fault fault = region->faults().take();
  wrong += fault.kind != kind;
  wrong += fault.count != pages;
  wrong += fault.offset != (kind == FaultKind::read_only ? 1U : 0U);  // of the store or the load
  return wrong;
}

/// Threads that add to the same word of a page at the moment when it has to be replaced.
void add_on_same_pages(const testing::Descriptor& file, int prot, uint64_t first_value,
                       bool load_first) {
  constexpr size_t kThreads = 3;
  constexpr size_t kPages = 30;  // so few that each is replaced alone
  constexpr uint64_t kAdds = 20;
  size_t lost = 0;
  size_t replaced_again = 0;
  for (int round = 0; round < 30; ++round) {
    const RegionPtr region = testing::map_file(file.get(), kPages * kPage, prot);
    std::array<std::atomic<size_t>, kPages> arrived{};
    run_threads(kThreads, [&](size_t thread) {
      for (size_t index = 0; index < kPages; ++index) {
        std::byte* const word = page(region, index);
        ++arrived[index];
        while (arrived[index] < kThreads) std::this_thread::yield();
        if (load_first && thread == 0) testing::load_word(word + 64);
        for (uint64_t add = 0; add < kAdds; ++add) testing::add_to_word(word, 1);
      }
    });
    for (size_t index = 0; index < kPages; ++index) {
      lost += testing::load_word(page(region, index)) != first_value + kThreads * kAdds;
    }
    // Once for a load and once for a store, however many threads there are.
    const uint64_t count = region->faults().take().count;
    replaced_again += count < kPages || count > (load_first ? 2 : 1) * kPages;
  }
  CHECK(lost == 0);
  CHECK(replaced_again == 0);
}

}  // namespace

TEST_CASE("fault_threads: threads that map, fault and unmap, each its own regions") {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(1'000);
  const size_t live = posix_mmap::live_regions();
  std::atomic<size_t> wrong{0};
  std::atomic<uint64_t> rounds{0};
  run_threads(8, [&](size_t thread) {
    for (uint64_t round = thread; std::chrono::steady_clock::now() < deadline; ++round) {
      wrong += live_through_faults(round);
      ++rounds;
    }
  });
  CHECK(wrong == 0);
  CHECK(rounds > 100);
  CHECK(posix_mmap::live_regions() == live);
}

TEST_CASE("fault_threads: no increment is lost on truncated pages") {
  const testing::Descriptor file = testing::memfd(0);
  add_on_same_pages(file, testing::kReadWrite, 0, false);
}

TEST_CASE("fault_threads: no increment is lost on truncated pages of a read-only mapping") {
  const testing::Descriptor file = testing::memfd(0);
  add_on_same_pages(file, PROT_READ, 0, true);
}

TEST_CASE("fault_threads: no increment is lost on read-only pages, and none reaches the file") {
  const testing::Descriptor file = testing::memfd(30 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 30 * kPage);
  for (size_t index = 0; index < 30; ++index) testing::store_word(page(region, index), 1'000);
  add_on_same_pages(file, PROT_READ, 1'000, true);
  for (size_t index = 0; index < 30; ++index) {
    CHECK(testing::load_word(page(region, index)) == 1'000);
  }
}

TEST_CASE("fault_threads: no increment is lost on pages without access") {
  const testing::Descriptor file = testing::patterned_memfd(30 * kPage);
  add_on_same_pages(file, PROT_NONE, 0, true);
  CHECK(testing::file_bytes(file.get(), 0, 30 * kPage) == testing::pattern_bytes(0, 30 * kPage));
}

TEST_CASE("fault_threads: neighbouring pages of one region, replaced in blocks by many threads") {
  constexpr size_t kThreads = 4;
  constexpr size_t kPages = 1'024;
  for (int round = 0; round < 5; ++round) {
    const testing::Descriptor file = testing::memfd(0);
    const RegionPtr region = testing::map_file(file.get(), kPages * kPage);
    run_threads(kThreads, [&](size_t thread) {
      for (size_t index = 0; index < kPages; ++index) {
        // Some downwards, so that the blocks of one end where the pages of another begin.
        const size_t mine = thread % 2 == 0 ? index : kPages - 1 - index;
        testing::add_to_word(page(region, mine) + 8 * thread, 1);
        testing::add_to_word(page(region, mine) + 128, 1);
      }
    });
    size_t wrong = 0;
    for (size_t index = 0; index < kPages; ++index) {
      for (size_t thread = 0; thread < kThreads; ++thread) {
        wrong += testing::load_word(page(region, index) + 8 * thread) != 1;
      }
      wrong += testing::load_word(page(region, index) + 128) != kThreads;
    }
    CHECK(wrong == 0);
    CHECK(region->faults().peek().kind == FaultKind::truncated);
  }
}

TEST_CASE("fault_threads: a listener is notified of a fault, and not again once it was taken out") {
  struct Listener : posix_mmap::FaultListener {
    std::atomic<uint64_t> notified{0};
    std::atomic<bool> gone{false};
    std::atomic<uint64_t> notified_when_gone{0};
  };
  uint64_t rounds = 0;
  for (int round = 0; round < 200; ++round) {
    constexpr size_t kPages = 60;
    const testing::Descriptor file = testing::memfd(0);
    const RegionPtr region = testing::map_file(file.get(), kPages * kPage);
    Listener listener;
    listener.notify = [](posix_mmap::FaultListener* listener) {
      auto* const self = static_cast<Listener*>(listener);
      ++self->notified;
      for (int i = 0; i < 3; ++i) std::this_thread::yield();  // time for the listener to be freed
      if (self->gone) ++self->notified_when_gone;
    };
    region->listener() = &listener;
    std::atomic<size_t> reached{0};
    std::thread faults([&] {
      for (size_t index = 0; index < kPages; ++index) {
        testing::store_word(page(region, index), 1);
        reached = index + 1;
      }
    });
    while (reached < 5) std::this_thread::yield();
    region->listener() = nullptr;
    posix_mmap::fault_guard_await_listeners();
    listener.gone = true;
    faults.join();
    rounds += listener.notified >= 5;
    CHECK(listener.notified_when_gone == 0);
    CHECK(region->faults().records() == kPages);
  }
  CHECK(rounds == 200);
}
