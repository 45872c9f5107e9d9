#include "posix/content/find_bytes.h"

#include <sys/mman.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "support/child.h"
#include "support/memory.h"

using posix_mmap::find_bytes;
using testing::kPage;

namespace {

const std::byte* bytes_of(const std::string& text) {
  return reinterpret_cast<const std::byte*>(text.data());
}

/// What memmem(3) finds.
const std::byte* expected(const std::string& text, const std::string& needle) {
  return static_cast<const std::byte*>(
      memmem(text.data(), text.size(), needle.data(), needle.size()));
}

std::string random_text(std::mt19937& random, size_t length, char letters) {
  std::string text(length, 'a');
  for (char& letter : text) letter = static_cast<char>('a' + random() % letters);
  return text;
}

}  // namespace

TEST_CASE("find_bytes: finds what memmem(3) finds, whatever the lengths and how alike the bytes") {
  std::mt19937 random(1);
  for (int i = 0; i < 50'000; ++i) {
    const auto letters = static_cast<char>(1 + random() % 3);
    const std::string text = random_text(random, random() % 300, letters);
    const std::string needle = random_text(random, 1 + random() % (i % 2 == 0 ? 4 : 100), letters);
    if (needle.size() > text.size()) continue;
    const std::byte* const found =
        find_bytes(bytes_of(text), text.size(), bytes_of(needle), needle.size());
    REQUIRE(found == expected(text, needle));
  }
}

TEST_CASE("find_bytes: reads no byte outside the range") {
  // In a child, where a fault outside is a signal: the pages around are no region's.
  testing::in_child([] {
    auto* const base = static_cast<std::byte*>(
        mmap(nullptr, 3 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    std::byte* const page = base + kPage;
    CHILD_CHECK(mprotect(page, kPage, PROT_READ | PROT_WRITE) == 0);
    memset(page, 'x', kPage);
    const std::string needle = "xyxx";
    std::byte* const last = page + kPage - needle.size();
    for (size_t length = needle.size(); length < 400; ++length) {
      std::byte* const late = page + kPage - length;
      CHILD_CHECK(find_bytes(page, length, bytes_of(needle), needle.size()) == nullptr);
      CHILD_CHECK(find_bytes(late, length, bytes_of(needle), needle.size()) == nullptr);
      memcpy(last, needle.data(), needle.size());
      CHILD_CHECK(find_bytes(late, length, bytes_of(needle), needle.size()) == last);
      memset(last, 'x', needle.size());
    }
  });
}

TEST_CASE(
    "find_bytes: data that is made to be compared everywhere takes no longer than memmem(3)") {
  // 8 MiB, at each byte of which all but the middle of the needle matches: 4 GiB to compare.
  const std::string text(8UL << 20, 'a');
  std::string needle(512, 'a');
  needle[256] = 'b';
  CHECK(find_bytes(bytes_of(text), text.size(), bytes_of(needle), needle.size()) == nullptr);
}
