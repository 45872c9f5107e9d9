// Descriptors whose numbers somebody else closes.
#include "posix/files/held_descriptor.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

using posix_mmap::HeldDescriptor;

namespace {

int memory() { return memfd_create("held", MFD_CLOEXEC); }
bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

}  // namespace

TEST_SUITE("held_descriptor") {
  TEST_CASE("is closed at the end, once") {
    const int fd = memory();
    {
      HeldDescriptor first(fd);
      CHECK(first.intact());
      HeldDescriptor second(std::move(first));
      CHECK(second.intact());
      HeldDescriptor third;
      third = std::move(second);
      CHECK(third.fd() == fd);
      CHECK(third.close() == 0);
      CHECK_FALSE(is_open(fd));
      CHECK(third.close() == -EBADF);
    }
    CHECK_FALSE(is_open(fd));
  }

  TEST_CASE("leaves a stranger alone that has its number") {
    const int fd = memory();
    int stranger = -1;
    {
      HeldDescriptor held(fd);
      close(fd);
      CHECK_FALSE(held.intact());
      stranger = memory();
      REQUIRE(stranger == fd);
      CHECK_FALSE(held.intact());
      CHECK(held.close() == -EBADF);
    }
    CHECK(is_open(stranger));
    close(stranger);
  }

  TEST_CASE("leaves what was handed over alone") {
    const int fd = memory();
    {
      CHECK(HeldDescriptor(fd).hand_over() == fd);
    }
    CHECK(is_open(fd));
    close(fd);
  }
}
