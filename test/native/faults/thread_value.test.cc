#include "posix/faults/thread_value.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "posix/faults/guarded_section.h"
#include "support/memory.h"

using posix_mmap::guarded_section;
using posix_mmap::ThreadValue;
using testing::data;
using testing::FaultKind;
using testing::kPage;
using testing::page;
using testing::RegionPtr;

namespace {

/// Reads both pages of a region of which the file has only the first.
UNSEEN_BY_SANITIZERS void read_both_pages(void* argument) {
  auto* const begin = static_cast<const std::byte*>(argument);
  testing::load(begin);
  testing::load(begin + kPage);
}

/// How much went wrong in a section that a fault ends.
size_t lose_a_page(const RegionPtr& region) {
  const auto fault = guarded_section(data(region), 2 * kPage, read_both_pages, data(region));
  return (fault.kind != FaultKind::truncated) + (fault.address != page(region, 1)) +
         (ThreadValue::current() != nullptr);
}

std::atomic<void*> seen_by_handler{nullptr};
std::atomic<uint64_t> signals{0};

void look(int /*signal*/) {
  seen_by_handler = ThreadValue::current();
  ++signals;
}

}  // namespace

TEST_CASE("thread_value: the innermost value counts, and none is left") {
  int outer = 0;
  int inner = 0;
  CHECK(ThreadValue::current() == nullptr);
  {
    const ThreadValue first(&outer);
    CHECK(ThreadValue::current() == &outer);
    {
      const ThreadValue second(&inner);
      CHECK(ThreadValue::current() == &inner);
    }
    CHECK(ThreadValue::current() == &outer);
  }
  CHECK(ThreadValue::current() == nullptr);
}

TEST_CASE("thread_value: each thread has its own, however many there are") {
  constexpr size_t kThreads = 200;  // more than there are buckets
  const unsigned before = posix_mmap::thread_value_entries();
  for (int round = 0; round < 2; ++round) {
    std::atomic<size_t> arrived{0};
    std::atomic<size_t> wrong{0};
    std::vector<std::thread> threads;
    for (size_t thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&] {
        int mine = 0;
        int nested = 0;
        wrong += ThreadValue::current() != nullptr;
        const ThreadValue value(&mine);
        ++arrived;
        while (arrived < kThreads) std::this_thread::yield();
        wrong += ThreadValue::current() != &mine;
        {
          const ThreadValue inner(&nested);
          wrong += ThreadValue::current() != &nested;
        }
        wrong += ThreadValue::current() != &mine;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
  }
  const unsigned after = posix_mmap::thread_value_entries();
  CHECK(after >= std::max(before, unsigned{kThreads}));
  CHECK(after <= before + 2 * kThreads);
  CHECK(ThreadValue::current() == nullptr);
}

TEST_CASE("thread_value: threads that come and go use the same entries again") {
  const testing::Descriptor file = testing::patterned_memfd(kPage);
  const RegionPtr region = testing::map_file(file.get(), 2 * kPage);
  std::atomic<size_t> wrong{0};
  std::set<pthread_t> identities;
  const unsigned before = posix_mmap::thread_value_entries();
  constexpr size_t kThreads = 600;
  for (size_t thread = 0; thread < kThreads; ++thread) {
    std::thread([&] {
      wrong += ThreadValue::current() != nullptr;
      wrong += lose_a_page(region);
    }).join();
    std::thread other([] {});
    identities.insert(other.native_handle());
    other.join();
  }
  CHECK(wrong == 0);
  // One at a time finds the first entry of its bucket free.
  CHECK(posix_mmap::thread_value_entries() == before);
  CHECK(identities.size() < kThreads);  // so values of pthread_self() did come back
  CHECK(region->faults().news() == 0);
}

TEST_CASE("thread_value: many threads that start, lose pages in sections and end") {
  constexpr size_t kThreads = 8;
  constexpr size_t kGenerations = 40;
  const testing::Descriptor file = testing::patterned_memfd(kPage);
  const RegionPtr region = testing::map_file(file.get(), 2 * kPage);
  std::atomic<size_t> wrong{0};
  const unsigned before = posix_mmap::thread_value_entries();
  std::vector<std::thread> chains;
  for (size_t chain = 0; chain < kThreads; ++chain) {
    chains.emplace_back([&] {
      for (size_t generation = 0; generation < kGenerations; ++generation) {
        std::thread([&] {
          for (int round = 0; round < 20; ++round) wrong += lose_a_page(region);
          // Not in a section, so this page is replaced and reported.
          const RegionPtr own = testing::map_file(file.get(), 2 * kPage);
          wrong += testing::load(page(own, 1)) != std::byte{0};
          wrong += own->faults().news() != 1;
        }).join();
      }
    });
  }
  for (std::thread& chain : chains) chain.join();
  CHECK(wrong == 0);
  CHECK(posix_mmap::thread_value_entries() <= before + kThreads);
  CHECK(region->faults().news() == 0);
}

TEST_CASE("thread_value: a signal handler sees the value of the thread that it interrupts") {
  struct sigaction ours{};
  struct sigaction before{};
  ours.sa_handler = look;
  REQUIRE(sigaction(SIGUSR1, &ours, &before) == 0);
  std::atomic<bool> done{false};
  // Another thread, with a value of its own all the time, that must never be seen.
  std::thread other([&] {
    int foreign = 0;
    const ThreadValue value(&foreign);
    while (!done) std::this_thread::yield();
  });
  std::atomic<size_t> wrong{0};
  std::thread interrupted([&] {
    int mine = 0;
    while (!done) {
      const ThreadValue value(&mine);
      void* const seen = seen_by_handler;
      wrong += seen != nullptr && seen != &mine;
    }
  });
  while (signals < 300) {
    const uint64_t count = signals;
    pthread_kill(interrupted.native_handle(), SIGUSR1);
    while (signals == count) std::this_thread::yield();
  }
  done = true;
  interrupted.join();
  other.join();
  sigaction(SIGUSR1, &before, nullptr);
  CHECK(wrong == 0);
}
