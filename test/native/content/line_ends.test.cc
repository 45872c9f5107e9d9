#include "posix/content/line_ends.h"

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "support/memory.h"

using posix_mmap::find_line_ends;
using posix_mmap::LineCount;
using posix_mmap::LineEnd;
using testing::kPage;

namespace {

/// The same, byte by byte.
std::vector<LineEnd> expected(const std::string& text, size_t capacity) {
  std::vector<LineEnd> ends;
  size_t start = 0;
  for (size_t at = 0; at < text.size() && ends.size() < capacity; ++at) {
    if (text[at] != '\n') continue;
    const bool carriage = at > start && text[at - 1] == '\r';
    ends.push_back({uint32_t(carriage ? at - 1 : at), uint32_t(at + 1)});
    start = at + 1;
  }
  return ends;
}

}  // namespace

TEST_CASE(
    "find_line_ends: finds what a search byte by byte finds, and no more than there is room") {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random() % 200, 'a');
    for (char& letter : text) letter = "\n\raaaaa"[random() % (1 + random() % 7)];
    std::vector<LineEnd> ends(random() % 100);
    // An entry behind the room, which nobody may write to.
    ends.push_back({1, 2});
    const size_t capacity = ends.size() - 1;
    const auto* const bytes = reinterpret_cast<const std::byte*>(text.data());
    const size_t count = find_line_ends(bytes, text.size(), ends.data(), capacity);
    const std::vector<LineEnd> lines = expected(text, capacity);
    REQUIRE(count == lines.size());
    for (size_t line = 0; line < count; ++line) {
      REQUIRE(ends[line].text == lines[line].text);
      REQUIRE(ends[line].next == lines[line].next);
    }
    CHECK(ends.back().text == 1);
  }
}

TEST_CASE("find_line_ends: of a region, counted from the start of the range") {
  const std::string text = "one\ntwo\r\n\nfour";
  const testing::RegionPtr region = testing::map_anonymous(text.size());
  memcpy(testing::data(region), text.data(), text.size());
  std::vector<LineEnd> ends(8);
  const LineCount found = find_line_ends(*region, 4, text.size() - 4, ends.data(), ends.size());
  CHECK(found.fault == testing::Fault{});
  REQUIRE(found.lines == 2);
  CHECK(ends[0].text == 3);
  CHECK(ends[0].next == 5);
  CHECK(ends[1].text == 5);
  CHECK(ends[1].next == 6);
}

TEST_CASE("find_line_ends: a page that is gone is a fault, and is not replaced") {
  const testing::Descriptor file = testing::patterned_memfd(4 * kPage);
  const testing::RegionPtr region = testing::map_file(file.get(), 4 * kPage);
  memset(testing::data(region), '\n', 4 * kPage);
  testing::resize(file.get(), 2 * kPage);
  std::vector<LineEnd> ends(4 * kPage);
  const testing::Fault fault{testing::FaultKind::truncated, 2 * kPage, 1};
  CHECK(find_line_ends(*region, 1, 3 * kPage, ends.data(), ends.size()).fault == fault);
  CHECK(region->faults().take() == fault);
  CHECK(find_line_ends(*region, 1, 2 * kPage - 1, ends.data(), ends.size()).lines == 2 * kPage - 1);
  // Where the room ends before the page, nothing depends on it.
  CHECK(find_line_ends(*region, 1, 3 * kPage, ends.data(), 10).lines == 10);
  testing::resize(file.get(), 4 * kPage);
  CHECK(find_line_ends(*region, 0, 4 * kPage, ends.data(), ends.size()).fault == testing::Fault{});
}

TEST_CASE("find_line_ends: a page that was replaced is a fault as well") {
  const testing::Descriptor file = testing::patterned_memfd(3 * kPage);
  const testing::RegionPtr region = testing::map_file(file.get(), 3 * kPage);
  testing::resize(file.get(), kPage);
  CHECK(testing::load(testing::page(region, 1)) == std::byte{0});
  testing::resize(file.get(), 3 * kPage);
  std::vector<LineEnd> ends(8);
  const LineCount found = find_line_ends(*region, 0, 3 * kPage, ends.data(), ends.size());
  CHECK(found.fault == testing::Fault{testing::FaultKind::truncated, kPage, 1});
}
