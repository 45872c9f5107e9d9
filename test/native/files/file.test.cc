#include "posix/files/file.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "support/memory.h"

using posix_mmap::file_size;
using posix_mmap::reserve_blocks;
using testing::Descriptor;
using testing::kPage;

namespace {

struct stat status_of(int fd) {
  struct stat status{};
  REQUIRE(fstat(fd, &status) == 0);
  return status;
}

}  // namespace

TEST_CASE("file_size: files have one, character devices any, and the rest none") {
  CHECK(file_size(testing::memfd(12'345).get()) == 12'345);
  CHECK(file_size(testing::memfd(0).get()) == 0);
  CHECK(file_size(testing::memfd(uint64_t{1} << 40).get()) == int64_t{1} << 40);
  CHECK(file_size(Descriptor(open("/dev/zero", O_RDONLY | O_CLOEXEC)).get()) == INT64_MAX);
  CHECK(file_size(Descriptor(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)).get()) == -EISDIR);
  CHECK(file_size(-1) == -EBADF);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const Descriptor reader(ends[0]);
  const Descriptor writer(ends[1]);
  CHECK(file_size(reader.get()) == -ENODEV);
  CHECK(file_size(Descriptor(socket(AF_UNIX, SOCK_STREAM, 0)).get()) == -ENODEV);
}

TEST_CASE("file_size: refuses the pages of hugetlbfs, whose units are others") {
  const Descriptor file(memfd_create("posix-mmap-test", MFD_CLOEXEC | MFD_HUGETLB));
  if (file.get() < 0) {
    MESSAGE("skipped: no hugetlbfs in this kernel");
    return;
  }
  CHECK(file_size(file.get()) == -EOPNOTSUPP);
}

TEST_CASE("truncate: sets the size, both ways") {
  const Descriptor file = testing::patterned_memfd(100);
  CHECK(posix_mmap::truncate(file.get(), 10) == 0);
  CHECK(file_size(file.get()) == 10);
  CHECK(posix_mmap::truncate(file.get(), 20) == 0);
  testing::Bytes expected = testing::pattern_bytes(0, 10);
  expected.resize(20);
  CHECK(testing::file_bytes(file.get(), 0, 100) == expected);
  CHECK(posix_mmap::truncate(file.get(), uint64_t{INT64_MAX} + 1) == -EINVAL);
  CHECK(posix_mmap::truncate(file.get(), UINT64_MAX) == -EINVAL);
  CHECK(posix_mmap::truncate(-1, 0) == -EBADF);
  CHECK(file_size(file.get()) == 20);
}

TEST_CASE("reserve_blocks: gives all of the file blocks, and never makes it shorter") {
  const Descriptor file = testing::memfd(3 * kPage);
  REQUIRE(status_of(file.get()).st_blocks == 0);
  CHECK(reserve_blocks(file.get(), 0, 2 * kPage) == 0);
  CHECK(file_size(file.get()) == int64_t(3 * kPage));
  CHECK(status_of(file.get()).st_blocks * 512 == int64_t(2 * kPage));
  CHECK(reserve_blocks(file.get(), 0, 5 * kPage) == 0);
  CHECK(file_size(file.get()) == int64_t(5 * kPage));
  CHECK(status_of(file.get()).st_blocks * 512 == int64_t(5 * kPage));
  CHECK(reserve_blocks(file.get(), 0, UINT64_MAX) == -EINVAL);
  CHECK(reserve_blocks(-1, 0, kPage) == -EBADF);
  CHECK(file_size(file.get()) == int64_t(5 * kPage));
}
