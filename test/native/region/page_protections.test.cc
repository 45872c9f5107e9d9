#include "posix/region/page_protections.h"

#include <sys/mman.h>

#include <random>
#include <vector>

#include "support/memory.h"

using posix_mmap::PageProtections;

TEST_CASE("page_protections: runs are what a vector of protections has, and no run too many") {
  std::mt19937 random(5);
  constexpr size_t kPages = 40;
  for (int time = 0; time < 50; ++time) {
    PageProtections protections;
    protections.reset(kPages, PROT_READ);
    std::vector<int> expected(kPages, PROT_READ);
    size_t wrong = 0;
    for (int round = 0; round < 100; ++round) {
      const size_t first = random() % kPages;
      const size_t last = first + random() % (kPages - first + 1);
      const int prot = static_cast<int>(random() % 4) - 1;
      REQUIRE(protections.reserve());
      protections.set(first, last, prot);
      for (size_t page = first; page < last; ++page) expected[page] = prot;
      size_t runs = 1;
      for (size_t page = 1; page < kPages; ++page) runs += expected[page] != expected[page - 1];
      wrong += protections.count() != runs;
      wrong += protections.uniform() != (runs == 1 ? expected[0] : PageProtections::kUnknown);
      for (size_t page = 0; page < kPages; ++page) {
        const PageProtections::Run run = protections.run_of(page);
        wrong += run.prot != expected[page] || run.first > page || run.last <= page;
      }
      size_t end = 0;
      for (size_t index = 0; index < protections.count(); ++index) {
        wrong += protections.run(index).first != end;
        end = protections.run(index).last;
      }
      wrong += end != kPages;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("page_protections: of no page at all") {
  PageProtections protections;
  protections.reset(0, PROT_READ);
  REQUIRE(protections.reserve());
  protections.set(0, 0, PROT_NONE);
  CHECK(protections.uniform() == PROT_READ);
}
