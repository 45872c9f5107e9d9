#include "file_advice.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/memory.h"

using posix_mmap::advise_file;
using testing::Descriptor;
using testing::kPage;

namespace {

/// A file of the temporary directory, on the disk but for its name.
Descriptor stored_file(size_t length) {
  const char* directory = getenv("TMPDIR");
  Descriptor file(
      open(directory == nullptr ? "/tmp" : directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  REQUIRE(file.get() >= 0);
  const testing::Bytes bytes = testing::pattern_bytes(0, length);
  REQUIRE(pwrite(file.get(), bytes.data(), length, 0) == ssize_t(length));
  REQUIRE(fdatasync(file.get()) == 0);
  return file;
}

/// Which pages of the file are in memory, as a string of 0 and 1.
std::string resident(int fd, size_t pages) {
  void* const start = mmap(nullptr, pages * kPage, PROT_READ, MAP_SHARED, fd, 0);
  REQUIRE(start != MAP_FAILED);
  std::vector<unsigned char> bitmap(pages);
  REQUIRE(mincore(start, pages * kPage, bitmap.data()) == 0);
  munmap(start, pages * kPage);
  std::string text;
  for (const unsigned char page : bitmap) text += (page & 1) != 0 ? '1' : '0';
  return text;
}

}  // namespace

TEST_CASE("advise_file: DONTNEED takes the pages that the range fills out of memory") {
  const Descriptor file = stored_file(8 * kPage);
  REQUIRE(resident(file.get(), 8) == "11111111");
  CHECK(advise_file(file.get(), 2 * kPage, 3 * kPage, POSIX_FADV_DONTNEED) == 0);
  const std::string left = resident(file.get(), 8);
  if (left == "11111111") {
    MESSAGE("skipped: the temporary directory is on a file system that is memory");
    return;
  }
  CHECK(left == "11000111");
  CHECK(advise_file(file.get(), 0, 0, POSIX_FADV_DONTNEED) == 0);
  CHECK(resident(file.get(), 8) == "00000000");
}

TEST_CASE("advise_file: returns what the kernel refuses") {
  CHECK(advise_file(-1, 0, 0, POSIX_FADV_DONTNEED) == -EBADF);
  CHECK(advise_file(testing::memfd(kPage).get(), 0, 0, 12'345) == -EINVAL);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const Descriptor reader(ends[0]);
  const Descriptor writer(ends[1]);
  CHECK(advise_file(reader.get(), 0, 0, POSIX_FADV_DONTNEED) == -ESPIPE);
}
