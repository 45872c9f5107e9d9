#include "posix/files/kernel_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "support/memory.h"

using posix_mmap::count_kernel_lines;
using posix_mmap::read_kernel_number;
using testing::kPage;

namespace {

/// A file with this text, by a path.
class TextFile {
 public:
  explicit TextFile(const std::string& text) : file_(testing::memfd(0)) {
    REQUIRE(write(file_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }

 private:
  testing::Descriptor file_;
};

uint64_t number_in(const std::string& text) {
  return read_kernel_number(TextFile(text).path().c_str(), 77);
}
uint64_t lines_in(const std::string& text) {
  uint64_t lines = 77;
  CHECK(count_kernel_lines(TextFile(text).path().c_str(), lines) == 0);
  return lines;
}

}  // namespace

TEST_CASE("kernel_file: the number that a file starts with") {
  CHECK(number_in("65530\n") == 65'530);
  CHECK(number_in("0\n") == 0);
  CHECK(number_in("2097152") == 2'097'152);
  CHECK(number_in("18446744073709551615\n") == UINT64_MAX);
  CHECK(number_in("12 34\n") == 12);
  CHECK(number_in("") == 77);
  CHECK(number_in("max\n") == 77);
  CHECK(number_in("99999999999999999999999\n") == 77);
  CHECK(read_kernel_number("/proc/no/such/file", 77) == 77);
  CHECK(read_kernel_number("/proc/sys/vm/max_map_count", 0) > 1'000);
}

TEST_CASE("kernel_file: how many lines a file has, also over several pieces") {
  CHECK(lines_in("") == 0);
  CHECK(lines_in("one\n") == 1);
  CHECK(lines_in("\n\nthree\n") == 3);
  std::string text;
  for (int line = 0; line < 10'000; ++line) text += "line\n";
  CHECK(lines_in(text) == 10'000);
  uint64_t before = 77;
  CHECK(count_kernel_lines("/proc/no/such/file", before) == -ENOENT);
  REQUIRE(count_kernel_lines("/proc/self/maps", before) == 0);
  const testing::RegionPtr alone = testing::map_anonymous(testing::kPage, PROT_READ, MAP_SHARED);
  uint64_t after = 0;
  CHECK(count_kernel_lines("/proc/self/maps", after) == 0);
  CHECK(after == before + 1);
}

TEST_CASE("huge_page_size: a power of two above the page size, or none") {
  const size_t huge = posix_mmap::huge_page_size();
  CHECK((huge == 0 || (huge > kPage && (huge & (huge - 1)) == 0)));
  CHECK((huge == 0) == (access("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", R_OK) != 0));
}
