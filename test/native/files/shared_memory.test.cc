#include "posix/files/shared_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <string>

#include "support/memory.h"

using posix_mmap::create_memfd;
using posix_mmap::open_shared_memory;
using posix_mmap::unlink_shared_memory;
using testing::data;
using testing::Descriptor;
using testing::kPage;

TEST_CASE("create_memfd: a descriptor of memory, with the flags that were asked for") {
  const Descriptor file(create_memfd("posix-mmap-test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  REQUIRE(file.get() >= 0);
  CHECK(fcntl(file.get(), F_GETFD) == FD_CLOEXEC);
  CHECK(fcntl(file.get(), F_GET_SEALS) == 0);
  testing::resize(file.get(), kPage);
  const testing::RegionPtr region = testing::map_file(file.get(), kPage);
  testing::store(data(region), std::byte{3});
  CHECK(testing::file_bytes(file.get(), 0, 1)[0] == std::byte{3});
  CHECK(create_memfd("posix-mmap-test", ~0U) == -EINVAL);
  CHECK(create_memfd(std::string(300, 'x').c_str(), 0) == -EINVAL);
}

TEST_CASE("open_shared_memory: the same memory for everybody who knows the name") {
  const std::string name = "/posix-mmap-test-" + std::to_string(getpid());
  unlink_shared_memory(name.c_str());
  CHECK(open_shared_memory(name.c_str(), O_RDWR, 0) == -ENOENT);
  const Descriptor first(open_shared_memory(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
  REQUIRE(first.get() >= 0);
  CHECK(open_shared_memory(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600) == -EEXIST);
  testing::resize(first.get(), kPage);
  const Descriptor second(open_shared_memory(name.c_str(), O_RDWR, 0));
  REQUIRE(second.get() >= 0);
  const testing::RegionPtr one = testing::map_file(first.get(), kPage);
  const testing::RegionPtr other = testing::map_file(second.get(), kPage, PROT_READ);
  testing::store(data(one) + 5, std::byte{8});
  CHECK(testing::load(data(other) + 5) == std::byte{8});
  CHECK(unlink_shared_memory(name.c_str()) == 0);
  CHECK(unlink_shared_memory(name.c_str()) == -ENOENT);
  CHECK(testing::load(data(other) + 5) == std::byte{8});
  for (const char* none : {"", "/", "/.", "/..", "/a/b", "a/"}) {
    CHECK(open_shared_memory(none, O_RDWR | O_CREAT, 0600) == -EINVAL);
    CHECK(unlink_shared_memory(none) == -EINVAL);
  }
  const std::string longest(NAME_MAX, 'x');
  CHECK(open_shared_memory(longest.c_str(), O_RDWR, 0) == -ENOENT);
  CHECK(open_shared_memory((longest + 'x').c_str(), O_RDWR, 0) == -ENAMETOOLONG);
}

TEST_CASE("add_seals: a file that cannot be made shorter cannot fault") {
  const Descriptor file(create_memfd("posix-mmap-test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  testing::resize(file.get(), kPage);
  CHECK(posix_mmap::get_seals(file.get()) == 0);
  CHECK(posix_mmap::add_seals(file.get(), F_SEAL_SHRINK) == 0);
  CHECK(posix_mmap::get_seals(file.get()) == F_SEAL_SHRINK);
  CHECK(ftruncate(file.get(), 0) != 0);
  CHECK(posix_mmap::add_seals(file.get(), F_SEAL_GROW | F_SEAL_SEAL) == 0);
  CHECK(posix_mmap::add_seals(file.get(), F_SEAL_WRITE) == -EPERM);
  CHECK(posix_mmap::get_seals(file.get()) == (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
  CHECK(posix_mmap::add_seals(-1, F_SEAL_SEAL) == -EBADF);
  CHECK(posix_mmap::get_seals(-1) == -EBADF);
}

TEST_CASE("duplicate: another descriptor of the same file, that programs we start do not get") {
  const Descriptor file = testing::patterned_memfd(10);
  const Descriptor copy(posix_mmap::duplicate(file.get()));
  REQUIRE(copy.get() >= 0);
  CHECK(copy.get() != file.get());
  CHECK(fcntl(copy.get(), F_GETFD) == FD_CLOEXEC);
  CHECK(testing::file_bytes(copy.get(), 0, 10) == testing::pattern_bytes(0, 10));
  CHECK(posix_mmap::duplicate(-1) == -EBADF);
}

TEST_CASE("access_mode: how a descriptor was opened") {
  const Descriptor file = testing::memfd(kPage);
  CHECK(posix_mmap::access_mode(file.get()) == O_RDWR);
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  const Descriptor readable(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  CHECK(posix_mmap::access_mode(readable.get()) == O_RDONLY);
  const Descriptor writable(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  CHECK(posix_mmap::access_mode(writable.get()) == O_WRONLY);
  CHECK(posix_mmap::access_mode(-1) == -EBADF);
}
