#include "posix/region/region.h"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "posix/region/region_table.h"
#include "support/memory.h"

using posix_mmap::live_regions;
using posix_mmap::region_table_find;
using testing::data;
using testing::Fault;
using testing::kPage;
using testing::page;
using testing::RegionPtr;

TEST_CASE("region: an empty one takes no addresses") {
  const size_t live = live_regions();
  const RegionPtr region = testing::map_anonymous(0);
  CHECK(live_regions() == live);
  CHECK(region->extent().mapped_length == 0);
  CHECK_FALSE(region->holds(nullptr));
  CHECK(region->retire() == 0);
}

TEST_CASE("region: the last of several threads to let go unmaps, once") {
  constexpr int kThreads = 6;
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  size_t wrong = 0;
  for (int round = 0; round < 200; ++round) {
    const size_t live = live_regions();
    RegionPtr region = testing::map_file(file.get(), 2 * kPage);
    std::byte* const start = region->extent().base;
    std::atomic<int> ready{0};
    std::atomic<size_t> bad_reads{0};
    std::vector<std::thread> threads;
    std::vector<RegionPtr> users;
    for (int thread = 1; thread < kThreads; ++thread) users.emplace_back(*region);
    users.push_back(std::move(region));
    for (RegionPtr& user : users) {
      threads.emplace_back([&] {
        ++ready;
        while (ready < kThreads) std::this_thread::yield();
        bad_reads += testing::load(start + kPage) != testing::pattern(kPage);
        user.reset();
      });
    }
    for (std::thread& thread : threads) thread.join();
    wrong += bad_reads;
    wrong += live_regions() != live;
    wrong += region_table_find(start) != nullptr;
    wrong += msync(start, kPage, MS_ASYNC) == 0;
  }
  CHECK(wrong == 0);
}

TEST_CASE("region: a retired one keeps its addresses, and late accesses touch nobody's data") {
  const testing::Descriptor file = testing::memfd(4 * kPage);
  const size_t live = live_regions();
  RegionPtr region = testing::map_file(file.get(), 4 * kPage);
  std::atomic<bool> done{false};
  std::atomic<uint64_t> rounds{0};
  std::thread late([&] {
    while (!done) {
      for (size_t index = 0; index < 4; ++index) {
        testing::add_to_word(page(region, index), 1);
        testing::load_word(page(region, index) + 8);
      }
      ++rounds;
    }
  });
  while (rounds < 100) std::this_thread::yield();
  CHECK(region->retire() == 0);
  const testing::Bytes left = testing::file_bytes(file.get(), 0, 4 * kPage);
  const uint64_t before = rounds;
  while (rounds < before + 100) std::this_thread::yield();
  CHECK(region->retire() == 0);
  CHECK(testing::load_word(page(region, 0)) > 0);  // not replaced a second time
  done = true;
  late.join();
  CHECK(testing::file_bytes(file.get(), 0, 4 * kPage) == left);
  CHECK(testing::load_word(page(region, 0) + 8) == 0);
  CHECK(live_regions() == live + 1);
  testing::resize(file.get(), 0);
  CHECK(testing::load_word(page(region, 3)) > 0);
  CHECK(region->faults().peek() == Fault{});
  region.reset();
  CHECK(live_regions() == live);
}

TEST_CASE("region: threads that map, retire and unmap side by side") {
  const size_t live = live_regions();
  const testing::Descriptor file = testing::memfd(2 * kPage);
  std::atomic<size_t> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int round = 0; round < 1'500; ++round) {
        // Where they are alike, or retired, they are one mapping for the kernel.
        const RegionPtr one = testing::map_anonymous(kPage);
        const RegionPtr other = thread % 2 == 0 ? testing::map_anonymous(2 * kPage)
                                                : testing::map_file(file.get(), 2 * kPage);
        for (const RegionPtr* region : {&one, &other}) {
          testing::store(data(*region), std::byte{1});
          wrong += (round + thread) % 2 == 0 && (*region)->retire() != 0;
          wrong += region_table_find(data(*region)) != region->get();
        }
        wrong += testing::load(page(other, 1)) != std::byte{0};
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(live_regions() == live);
}

TEST_CASE("region: retire() while other threads are having pages replaced") {
  for (int round = 0; round < 30; ++round) {
    const testing::Descriptor file = testing::memfd(0);
    const RegionPtr region = testing::map_file(file.get(), 32 * kPage);
    std::atomic<int> started{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 3; ++thread) {
      threads.emplace_back([&] {
        ++started;
        for (size_t index = 0; index < 32; ++index) testing::add_to_word(page(region, index), 1);
      });
    }
    while (started < 3) std::this_thread::yield();
    CHECK(region->retire() == 0);
    for (std::thread& thread : threads) thread.join();
    for (size_t index = 0; index < 32; ++index) CHECK(testing::load_word(page(region, index)) <= 3);
  }
}
