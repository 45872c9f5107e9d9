#include "posix/region/map_budget.h"

#include <unistd.h>

#include <cerrno>
#include <climits>

#include "posix/files/kernel_file.h"
#include "support/child.h"
#include "support/memory.h"
#include "support/variant.h"

using posix_mmap::map_budget_ask;
using posix_mmap::map_budget_repair;
using posix_mmap::Repairs;
using testing::kPage;
using testing::MapRequest;
using testing::RegionPtr;

namespace {

constexpr size_t kTooMany = 1'000'000;

uint64_t limit() {
  return posix_mmap::read_kernel_number("/proc/sys/vm/max_map_count", INT_MAX / 2);
}

bool cannot_be_exhausted() {
  if (!testing::kSanitized) return false;
  MESSAGE("skipped: at max_map_count the sanitizers' own runtimes die of ENOMEM");
  return true;
}

// Shared anonymous mappings are files, so that the kernel does not merge neighbours.
constexpr int kAlone = MAP_SHARED | MAP_ANONYMOUS;

int map_one(std::vector<RegionPtr>& regions) {
  MapRequest request;
  request.length = kPage;
  request.prot = PROT_READ;
  request.flags = kAlone;
  RegionPtr region;
  const int result = posix_mmap::map_region(request, region);
  if (result == 0) regions.push_back(std::move(region));
  return result;
}

/// A refusal may hold for a moment, since counting takes time.
bool eventually(auto condition) {
  for (int i = 0; i < 100; ++i) {
    if (condition()) return true;
    usleep(10'000);
  }
  return false;
}

/// As many as there may be.
std::vector<RegionPtr> map_all() {
  std::vector<RegionPtr> regions;
  int result = 0;
  while (result == 0 && regions.size() < kTooMany) {
    result = map_one(regions);
  }
  if (result == 0) testing::skip_child("vm.max_map_count is beyond a million");
  CHILD_CHECK(result == -ENOMEM);
  return regions;
}

}  // namespace

TEST_CASE("map_budget: gives what there is room for, and refuses more than the kernel allows") {
  testing::in_child([] {
    for (int i = 0; i < 3'000; ++i) CHILD_CHECK(map_budget_ask(1) == 0);
    for (int i = 0; i < 1'500; ++i) CHILD_CHECK(map_budget_repair(2, Repairs::roomy));
    CHILD_CHECK(map_budget_ask(1) == 0);
    CHILD_CHECK(map_budget_ask(static_cast<int>(limit()) / 4) == 0);
    CHILD_CHECK(map_budget_ask(static_cast<int>(limit()) - 500) == -ENOMEM);  // some are for others
    CHILD_CHECK(map_budget_ask(static_cast<int>(limit())) == -ENOMEM);
    CHILD_CHECK(eventually([] { return map_budget_ask(1) == 0; }));
  });
}

TEST_CASE("map_budget: regions end in -ENOMEM before the process ends for want of mappings") {
  if (cannot_be_exhausted()) return;
  testing::in_child([] {
    std::vector<RegionPtr> regions = map_all();
    const size_t now = testing::count_kernel_mappings();
    CHILD_CHECK(now + 500 < limit());
    CHILD_CHECK(now + 5'000 > limit());
    for (int i = 0; i < 500; ++i) {
      CHILD_CHECK(mmap(nullptr, kPage, PROT_READ, kAlone, -1, 0) != MAP_FAILED);
    }
    CHILD_CHECK(map_one(regions) == -ENOMEM);
    // What is let go is unmapped, and can be mapped again.
    for (int i = 0; i < 2'000; ++i) regions.pop_back();
    CHILD_CHECK(testing::count_kernel_mappings() < now - 1'000);
    CHILD_CHECK(eventually([] { return map_budget_ask(1) == 0; }));
    for (int i = 0; i < 500; ++i) CHILD_CHECK(map_one(regions) == 0);
  });
}

TEST_CASE("map_budget: regions are possible again when others have unmapped") {
  if (cannot_be_exhausted()) return;
  testing::in_child([] {
    std::vector<void*> others;
    void* other = nullptr;
    while ((other = mmap(nullptr, kPage, PROT_READ, kAlone, -1, 0)) != MAP_FAILED) {
      others.push_back(other);
      if (others.size() > kTooMany) testing::skip_child("vm.max_map_count is beyond a million");
    }
    // Room for more than are taken without counting, but not for those and everybody else.
    for (size_t i = 0; i < 1'500; ++i) munmap(others[i], kPage);
    std::vector<RegionPtr> regions;
    int result = 0;
    for (int i = 0; i < 3'000 && result == 0; ++i) result = map_one(regions);
    CHILD_CHECK(result == -ENOMEM);
    for (size_t i = 1'500; i < 10'000; ++i) munmap(others[i], kPage);
    CHILD_CHECK(eventually([] { return map_budget_ask(1) == 0; }));
    for (int i = 0; i < 2'000; ++i) CHILD_CHECK(map_one(regions) == 0);
  });
}
