#include "posix/region/page_bits.h"

#include <random>
#include <vector>

#include "support/memory.h"

using posix_mmap::PageBits;

namespace {

size_t next_of(const std::vector<bool>& bits, size_t page, size_t last, bool value) {
  while (page < last && bits[page] != value) ++page;
  return page;
}

}  // namespace

TEST_CASE("page_bits: as a vector of bits, at every border of its words") {
  std::mt19937 random(3);
  for (const size_t pages : {1, 2, 63, 64, 65, 127, 128, 129, 300}) {
    PageBits bits;
    bits.reset(pages);
    std::vector<bool> expected(pages);
    CHECK_FALSE(bits.test(pages - 1));
    CHECK(bits.next(0, pages, true) == pages);
    CHECK(bits.next(0, pages, false) == 0);
    bits.clear(0, pages);
    REQUIRE(bits.prepare());
    size_t wrong = 0;
    for (int round = 0; round < 200; ++round) {
      const size_t first = random() % pages;
      const size_t count = random() % 3 == 0 ? pages - first : random() % (pages - first + 1);
      const bool value = random() % 2 == 0;
      value ? bits.set(first, count) : bits.clear(first, count);
      std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(first), count, value);
      for (size_t page = 0; page < pages; ++page) wrong += bits.test(page) != expected[page];
      for (const bool wanted : {false, true}) {
        const size_t from = random() % (pages + 1);
        const size_t last = random() % (pages + 1);
        const size_t right = from < last ? next_of(expected, from, last, wanted) : last;
        wrong += bits.next(from, last, wanted) != right;
      }
    }
    CHECK(wrong == 0);
    bits.free_memory();
    CHECK(bits.next(0, pages, true) == pages);
  }
}
