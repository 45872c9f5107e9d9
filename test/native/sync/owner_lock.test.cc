// Who holds a byte is alive.
#include "posix/sync/owner_lock.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

using posix_mmap::hold_byte;
using posix_mmap::is_byte_held;

namespace {

constexpr uint64_t kByte = (uint64_t{1} << 62U) + 12345;

class File {
 public:
  File() { close(mkstemp(path_)); }
  ~File() { unlink(path_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int open_again() const { return open(path_, O_RDWR | O_CLOEXEC); }

 private:
  char path_[32] = "/tmp/owner-lock-XXXXXX";
};

}  // namespace

TEST_SUITE("owner_lock") {
  TEST_CASE("a byte is one description's until that is closed, also within a process") {
    const File file;
    const int mine = file.open_again();
    const int other = file.open_again();
    CHECK(is_byte_held(other, kByte) == 0);
    CHECK(hold_byte(mine, kByte) == 0);
    CHECK(hold_byte(mine, kByte) == 0);
    CHECK(is_byte_held(mine, kByte) == 0);  // not by another
    CHECK(is_byte_held(other, kByte) == 1);
    CHECK(is_byte_held(other, kByte + 1) == 0);
    CHECK(hold_byte(other, kByte) == -EAGAIN);
    CHECK(hold_byte(other, kByte + 1) == 0);
    // As record locks do not: closing another descriptor of the file changes nothing.
    close(file.open_again());
    CHECK(is_byte_held(other, kByte) == 1);
    close(mine);
    CHECK(is_byte_held(other, kByte) == 0);
    close(other);
    CHECK(is_byte_held(other, kByte) == -EBADF);
  }

  TEST_CASE("a process that was stopped holds it, and one that was killed does not") {
    const File file;
    const int mine = file.open_again();
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    const pid_t child = fork();
    if (child == 0) {
      const char said = hold_byte(file.open_again(), kByte) == 0 ? 'y' : 'n';
      if (write(ready[1], &said, 1) == 1) pause();
      _exit(0);
    }
    char said = 0;
    REQUIRE(read(ready[0], &said, 1) == 1);
    CHECK(said == 'y');
    kill(child, SIGSTOP);
    usleep(20'000);
    CHECK(is_byte_held(mine, kByte) == 1);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(is_byte_held(mine, kByte) == 0);
    for (const int fd : {mine, ready[0], ready[1]}) close(fd);
  }
}
