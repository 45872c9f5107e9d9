#include "posix/region/map_reserve.h"

#include <atomic>
#include <cerrno>
#include <thread>

#include "posix/faults/fault_guard.h"
#include "support/child.h"
#include "support/memory.h"
#include "support/variant.h"

using posix_mmap::map_reserve_fill;
using posix_mmap::map_reserve_spend;
using testing::data;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::page;
using testing::RegionPtr;

TEST_CASE("map_reserve: each that is spent is one kernel mapping less, until none is left") {
  testing::in_child([] {
    CHILD_CHECK(!map_reserve_spend());
    map_reserve_fill();
    testing::count_kernel_mappings();  // what it allocates is allocated now
    size_t before = testing::count_kernel_mappings();
    int spent = 0;
    while (map_reserve_spend()) {
      ++spent;
      CHILD_CHECK(spent < 1'000);
      --before;
      // TSan maps and unmaps shadows of what is unmapped here.
      if (!testing::kThreadSanitizer) CHILD_CHECK(testing::count_kernel_mappings() == before);
    }
    CHILD_CHECK(spent >= 4);
    CHILD_CHECK(!map_reserve_spend());
    if (!testing::kThreadSanitizer) CHILD_CHECK(testing::count_kernel_mappings() == before);
  });
}

TEST_CASE("map_reserve: threads never spend the same one twice") {
  testing::in_child([] {
    CHILD_CHECK(posix_mmap::fault_guard_install() == 0);
    std::atomic<int> spent{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        for (int i = 0; i < 100; ++i) spent += map_reserve_spend();
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHILD_CHECK(spent == 8);
  });
}

TEST_CASE("map_reserve: a fault is repaired when the process may have no more mappings") {
  if (testing::kSanitized) {
    MESSAGE("skipped: at max_map_count the sanitizers' own runtimes die of ENOMEM");
    return;
  }
  testing::in_child([] {
    const testing::Descriptor file = testing::patterned_memfd(8 * kPage);
    const RegionPtr region = testing::map_file(file.get(), 8 * kPage);
    testing::resize(file.get(), 4 * kPage);
    int count = 0;
    while (mmap(nullptr, kPage, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) {
      if (++count > 1'000'000) testing::skip_child("vm.max_map_count is beyond a million");
    }
    CHILD_CHECK(errno == ENOMEM);
    CHILD_CHECK(testing::load(page(region, 5) + 3) == std::byte{0});
    CHILD_CHECK(region->faults().peek() == Fault{FaultKind::truncated, 5 * kPage + 3, 1});
    testing::store(page(region, 6), std::byte{4});
    CHILD_CHECK(testing::load(page(region, 6)) == std::byte{4});
    // All of it had to go, and the log says so.
    CHILD_CHECK(region->faults().replaced(0) == FaultKind::truncated);
    CHILD_CHECK(testing::file_bytes(file.get(), 0, kPage) == testing::pattern_bytes(0, kPage));
  });
}
