#include "posix/files/file_advice.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
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

/// How many pages of a range of the file are in memory.
size_t resident(int fd, size_t offset, size_t length) {
  void* const start = mmap(nullptr, length, PROT_READ, MAP_SHARED, fd, off_t(offset));
  REQUIRE(start != MAP_FAILED);
  std::vector<unsigned char> bitmap(length / kPage);
  REQUIRE(mincore(start, length, bitmap.data()) == 0);
  munmap(start, length);
  return size_t(std::count_if(bitmap.begin(), bitmap.end(), [](auto page) { return page & 1; }));
}

}  // namespace

TEST_CASE("advise_file: DONTNEED takes the pages of a range out of memory") {
  // The kernel drops no part of a large folio, and no folio is larger than this.
  constexpr size_t kHalf = 2 << 20;
  const Descriptor file = stored_file(2 * kHalf);
  REQUIRE(resident(file.get(), 0, 2 * kHalf) == 2 * kHalf / kPage);
  CHECK(advise_file(file.get(), kHalf, kHalf, POSIX_FADV_DONTNEED) == 0);
  if (resident(file.get(), kHalf, kHalf) == kHalf / kPage) {
    MESSAGE("skipped: the temporary directory is on a file system that is memory");
    return;
  }
  CHECK(resident(file.get(), kHalf, kHalf) == 0);
  CHECK(resident(file.get(), 0, kHalf) == kHalf / kPage);
  CHECK(advise_file(file.get(), 0, 0, POSIX_FADV_DONTNEED) == 0);
  CHECK(resident(file.get(), 0, 2 * kHalf) == 0);
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
