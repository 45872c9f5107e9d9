#include "posix/files/file_look.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "support/memory.h"

using posix_mmap::CacheQuestion;
using posix_mmap::FileLook;
using posix_mmap::look_at_file;
using testing::Descriptor;
using testing::kPage;

namespace {

std::string path_of(const Descriptor& file) {
  return "/proc/self/fd/" + std::to_string(file.get());
}

}  // namespace

TEST_CASE("look_at_file: tells which file it is, its size and its cached pages") {
  const Descriptor file = testing::memfd(16 * kPage);
  const testing::Bytes bytes = testing::pattern_bytes(0, 3 * kPage);
  REQUIRE(pwrite(file.get(), bytes.data(), bytes.size(), 0) == ssize_t(bytes.size()));
  struct stat status{};
  REQUIRE(fstat(file.get(), &status) == 0);
  for (const CacheQuestion question : {CacheQuestion::kStatistics, CacheQuestion::kMapping}) {
    FileLook look;
    REQUIRE(look_at_file(path_of(file).c_str(), 16 * kPage, question, look) == 0);
    CHECK(look.identity.device == status.st_dev);
    CHECK(look.identity.inode == status.st_ino);
    CHECK(look.size == int64_t(16 * kPage));
    CHECK(look.cached == 3);
    REQUIRE(look_at_file(path_of(file).c_str(), 16 * kPage - 1, question, look) == 0);
    CHECK(look.cached == -EFBIG);
  }
}

TEST_CASE("look_at_file: maps no large file, and none that is empty") {
  const Descriptor large = testing::memfd(2049 * kPage);
  FileLook look;
  REQUIRE(look_at_file(path_of(large).c_str(), 1U << 30U, CacheQuestion::kMapping, look) == 0);
  CHECK(look.cached == -EFBIG);
  const Descriptor full = testing::memfd(2048 * kPage);
  REQUIRE(look_at_file(path_of(full).c_str(), 1U << 30U, CacheQuestion::kMapping, look) == 0);
  CHECK(look.cached == 0);
  const Descriptor empty = testing::memfd(0);
  REQUIRE(look_at_file(path_of(empty).c_str(), 0, CacheQuestion::kMapping, look) == 0);
  CHECK(look.size == 0);
  CHECK(look.cached == 0);
}

TEST_CASE("look_at_file: returns the errors, and leaves nothing open") {
  const int before = dup(0);
  close(before);
  FileLook look;
  CHECK(look_at_file("/nothing-there", 1, CacheQuestion::kStatistics, look) == -ENOENT);
  CHECK(look_at_file("/", 1, CacheQuestion::kMapping, look) == 0);
  CHECK(look.size == -EISDIR);
  CHECK(look.cached == -EISDIR);
  const int after = dup(0);
  close(after);
  CHECK(after == before);
}
