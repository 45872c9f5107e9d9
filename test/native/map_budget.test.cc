#include "map_budget.h"

#include <cerrno>
#include <climits>

#include "kernel_file.h"
#include "support/child.h"
#include "support/memory.h"
#include "support/variant.h"

using posix_mmap::map_budget_return;
using posix_mmap::map_budget_take;
using testing::kPage;
using testing::MapRequest;
using testing::Region;

TEST_CASE("map_budget: gives what there is room for, and refuses more than the kernel allows") {
  testing::in_child([] {
    const auto limit =
        static_cast<int>(posix_mmap::read_kernel_number("/proc/sys/vm/max_map_count", INT_MAX / 2));
    for (int i = 0; i < 3'000; ++i) CHILD_CHECK(map_budget_take(1));
    map_budget_return(3'000);
    CHILD_CHECK(!map_budget_take(limit));
    CHILD_CHECK(!map_budget_take(limit - 500));  // some are for everybody else
    // A refusal takes nothing away.
    CHILD_CHECK(map_budget_take(1));
    CHILD_CHECK(map_budget_take(limit / 4));
  });
}

TEST_CASE("map_budget: regions end in -ENOMEM before the process ends for want of mappings") {
  if (testing::kSanitized) {
    MESSAGE("skipped: at max_map_count the sanitizers' own runtimes die of ENOMEM");
    return;
  }
  testing::in_child([] {
    std::vector<Region*> regions;
    MapRequest request;
    request.length = kPage;
    request.flags = MAP_SHARED | MAP_ANONYMOUS;
    int result = 0;
    while (result == 0 && regions.size() < 1'000'000) {
      // Shared anonymous mappings are files, so that neighbours are not merged.
      request.prot = PROT_READ;
      Region* region = nullptr;
      result = Region::map(request, &region);
      if (result == 0) regions.push_back(region);
    }
    if (result == 0) testing::skip_child("vm.max_map_count is beyond a million");
    CHILD_CHECK(result == -ENOMEM);
    const uint64_t limit = posix_mmap::read_kernel_number("/proc/sys/vm/max_map_count", INT_MAX);
    const size_t now = testing::count_kernel_mappings();
    CHILD_CHECK(now + 500 < limit);
    CHILD_CHECK(now + 5'000 > limit);
    for (int i = 0; i < 500; ++i) {
      CHILD_CHECK(mmap(nullptr, kPage, i % 2 == 0 ? PROT_READ : PROT_NONE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    }
    Region* region = nullptr;
    CHILD_CHECK(Region::map(request, &region) == -ENOMEM);
    for (int i = 0; i < 2'000; ++i) {
      regions.back()->release();
      regions.pop_back();
    }
    for (int i = 0; i < 500; ++i) CHILD_CHECK(Region::map(request, &region) == 0);
  });
}
