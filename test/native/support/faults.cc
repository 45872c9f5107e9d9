#include "support/faults.h"

#include "support/child.h"
#include "support/memory.h"

namespace testing {

std::byte* foreign_page() {
  void* const mapped = mmap(nullptr, kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHILD_CHECK(mapped != MAP_FAILED);
  return static_cast<std::byte*>(mapped);
}

std::byte* foreign_truncated_page() {
  const Descriptor file = memfd(0);
  void* const mapped = mmap(nullptr, kPage, kReadWrite, MAP_SHARED, file.get(), 0);
  CHILD_CHECK(mapped != MAP_FAILED);
  return static_cast<std::byte*>(mapped);
}

void check_own_faults_work() {
  const Descriptor file = patterned_memfd(kPage);
  const RegionPtr region = map_file(file.get(), 2 * kPage, PROT_READ);
  CHILD_CHECK(load(page(region, 1)) == std::byte{0});
  CHILD_CHECK(region->faults().take() == Fault{FaultKind::truncated, kPage, 1});
  store(data(region), std::byte{0});
  CHILD_CHECK(region->faults().take() == Fault{FaultKind::read_only, 0, 1});
}

}  // namespace testing
