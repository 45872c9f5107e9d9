#include "posix/page_range.h"

#include <cerrno>
#include <random>

#include "support/memory.h"

using posix_mmap::Extent;
using posix_mmap::page_range;
using posix_mmap::PageRange;
using posix_mmap::round_up_to_page;
using posix_mmap::Rounding;
using testing::kPage;

namespace {

Extent extent_at(uintptr_t base, size_t lead, size_t byte_length) {
  Extent extent;
  extent.base = reinterpret_cast<std::byte*>(base);
  extent.lead = lead;
  extent.byte_length = byte_length;
  uint64_t mapped = 0;
  REQUIRE(round_up_to_page(lead + byte_length, mapped));
  extent.mapped_length = mapped;
  return extent;
}

/// Looks at every byte of every page; knows no arithmetic but counting.
PageRange count_bytes(const Extent& extent, size_t offset, size_t length, Rounding rounding) {
  size_t first = SIZE_MAX;
  size_t last = 0;
  for (size_t page = 0; page * kPage < extent.mapped_length; ++page) {
    size_t of_mapping = 0;
    size_t in_range = 0;
    for (size_t at = page * kPage; at < (page + 1) * kPage; ++at) {
      if (at < extent.lead || at >= extent.lead + extent.byte_length) continue;
      ++of_mapping;
      if (at >= extent.lead + offset && at < extent.lead + offset + length) ++in_range;
    }
    const bool chosen = rounding == Rounding::outward  ? in_range > 0
                        : rounding == Rounding::inward ? in_range > 0 && in_range == of_mapping
                                                       : in_range == kPage;
    if (!chosen) continue;
    if (first == SIZE_MAX) first = page;
    last = page + 1;
  }
  if (first == SIZE_MAX) return {extent.base, 0};
  return {extent.base + first * kPage, (last - first) * kPage};
}

std::vector<size_t> edges_up_to(size_t limit) {
  std::vector<size_t> edges;
  for (size_t pages = 0; pages * kPage <= limit + kPage; ++pages) {
    for (const int near : {-3, -1, 0, 1, 3}) {
      const size_t value = pages * kPage + static_cast<size_t>(near);
      if (value <= limit) edges.push_back(value);
    }
  }
  return edges;
}

}  // namespace

TEST_CASE("page_range: agrees with counting bytes, on every edge of small mappings") {
  size_t cases = 0;
  size_t wrong = 0;
  for (const size_t lead : {size_t{0}, size_t{3}, kPage - 1}) {
    for (const size_t byte_length : edges_up_to(2 * kPage + 3)) {
      if (byte_length == 0) continue;
      const Extent extent = extent_at(16 * kPage, lead, byte_length);
      for (const size_t offset : edges_up_to(byte_length)) {
        for (const size_t length : edges_up_to(byte_length - offset)) {
          for (const Rounding rounding : {Rounding::outward, Rounding::inward, Rounding::strict}) {
            const PageRange expected = count_bytes(extent, offset, length, rounding);
            PageRange pages{nullptr, 12345};
            const int result = page_range(extent, offset, length, rounding, pages);
            const bool same = result == 0 && pages.length == expected.length &&
                              (pages.length == 0 || pages.start == expected.start);
            const bool inside = pages.start >= extent.base &&
                                pages.start + pages.length <= extent.base + extent.mapped_length;
            ++cases;
            if (same && inside) continue;
            if (++wrong > 5) continue;
            FAIL_CHECK("lead " << lead << ", " << byte_length << " bytes, offset " << offset
                               << ", length " << length << ", rounding "
                               << static_cast<int>(rounding) << ": " << pages.length
                               << " bytes of pages instead of " << expected.length);
          }
        }
      }
    }
  }
  CHECK(cases > 1000);
  CHECK(wrong == 0);
}

TEST_CASE("page_range: a range that does not lie inside is -ERANGE, near 2**64 too") {
  for (const size_t lead : {size_t{0}, size_t{3}, kPage - 1}) {
    const size_t size = 2 * kPage + 1;
    const Extent extent = extent_at(16 * kPage, lead, size);
    for (const Rounding rounding : {Rounding::outward, Rounding::inward, Rounding::strict}) {
      const auto ask = [&](uint64_t offset, uint64_t length) {
        PageRange pages;
        return page_range(extent, offset, length, rounding, pages);
      };
      CHECK(ask(0, size) == 0);
      CHECK(ask(size, 0) == 0);
      CHECK(ask(0, size + 1) == -ERANGE);
      CHECK(ask(size, 1) == -ERANGE);
      CHECK(ask(size + 1, 0) == -ERANGE);
      for (uint64_t below = 0; below < 3 * kPage; ++below) {
        const uint64_t huge = UINT64_MAX - below;
        // The sum wraps round to a small number when the other summand is large enough.
        for (const uint64_t other : {uint64_t{0}, uint64_t{1}, below, below + 1, below + 2,
                                     below + 1 + size, uint64_t{UINT64_MAX}}) {
          if (ask(huge, other) != -ERANGE || ask(other, huge) != -ERANGE) {
            FAIL("accepted " << huge << " and " << other);
          }
        }
      }
    }
  }
}

TEST_CASE("page_range: agrees with 128-bit arithmetic on mappings up to 2**47 bytes") {
  std::mt19937_64 random(1);
  const auto any = [&](uint64_t limit) {
    // As many small numbers as large ones.
    const uint64_t value = random() >> (random() % 64);
    return limit == 0 ? 0 : value % (limit + 1);
  };
  size_t wrong = 0;
  for (int round = 0; round < 20'000; ++round) {
    const size_t lead = any(kPage - 1);
    const size_t size = 1 + any((uint64_t{1} << 47) - kPage);
    const Extent extent = extent_at(1 << 20, lead, size);
    const uint64_t offset = any(size);
    const uint64_t length = any(size - offset);
    __extension__ using Wide = unsigned __int128;
    const Wide begin = Wide{lead} + offset;
    const Wide end = begin + length;
    PageRange outward;
    PageRange strict;
    const int outward_result = page_range(extent, offset, length, Rounding::outward, outward);
    const int strict_result = page_range(extent, offset, length, Rounding::strict, strict);
    const Wide touched = length == 0 ? 0 : (end + kPage - 1) / kPage - begin / kPage;
    const Wide below = end / kPage;
    const Wide above = (begin + kPage - 1) / kPage;
    const Wide filled = below > above ? below - above : 0;
    wrong += outward_result != 0 || outward.length != touched * kPage;
    wrong += strict_result != 0 || strict.length != filled * kPage;
    const auto distance = static_cast<uint64_t>(outward.start - extent.base);
    wrong += length > 0 && distance != begin / kPage * kPage;
  }
  CHECK(wrong == 0);
}

TEST_CASE("page_range: an empty mapping has the empty range only") {
  const Extent empty;
  PageRange pages;
  for (const Rounding rounding : {Rounding::outward, Rounding::inward, Rounding::strict}) {
    CHECK(page_range(empty, 0, 0, rounding, pages) == 0);
    CHECK(pages.length == 0);
    CHECK(page_range(empty, 0, 1, rounding, pages) == -ERANGE);
    CHECK(page_range(empty, 1, 0, rounding, pages) == -ERANGE);
  }
}

TEST_CASE("round_up_to_page: to the next page, and false where that has no 64 bits") {
  const auto rounded = [](uint64_t value) {
    uint64_t result = 0;
    REQUIRE(round_up_to_page(value, result));
    return result;
  };
  CHECK(rounded(0) == 0);
  CHECK(rounded(1) == kPage);
  CHECK(rounded(kPage) == kPage);
  CHECK(rounded(kPage + 1) == 2 * kPage);
  const uint64_t last_page = UINT64_MAX - kPage + 1;
  CHECK(rounded(last_page) == last_page);
  CHECK(rounded(last_page - 1) == last_page);
  uint64_t result = 0;
  CHECK_FALSE(round_up_to_page(last_page + 1, result));
  CHECK_FALSE(round_up_to_page(UINT64_MAX, result));
}

TEST_CASE("page_range: the pieces of a range are the same from either side, and meet at page ends") {
  const uint64_t piece = 4 * kPage;
  for (const size_t lead : {size_t{0}, size_t{100}}) {
    posix_mmap::Extent extent;
    REQUIRE(posix_mmap::covering_pages(lead, 30 * kPage, extent));
    for (const uint64_t begin : {uint64_t{0}, uint64_t{5}, kPage, piece - lead, 7 * kPage + 1}) {
      const uint64_t end = 30 * kPage - 3;
      std::vector<uint64_t> forward{begin};
      while (forward.back() < end) {
        forward.push_back(posix_mmap::piece_end(extent, forward.back(), end, piece));
      }
      std::vector<uint64_t> backward{end};
      while (backward.back() > begin) {
        backward.push_back(posix_mmap::piece_start(extent, begin, backward.back(), piece));
      }
      CHECK(forward == std::vector<uint64_t>(backward.rbegin(), backward.rend()));
      for (size_t index = 1; index + 1 < forward.size(); ++index) {
        CHECK((forward[index] + lead) % piece == 0);
      }
    }
  }
}
