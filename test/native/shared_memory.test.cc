#include "shared_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
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
  CHECK(open_shared_memory("/a/b", O_RDWR | O_CREAT, 0600) < 0);
}
