// A table of descriptors of its own, and the locks that it keeps.
#include "posix/threads/own_table.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

using posix_mmap::OwnTable;

namespace {

class TemporaryFile {
 public:
  TemporaryFile() { close(mkstemp(path_.data())); }
  ~TemporaryFile() { unlink(path_.c_str()); }
  const char* path() const { return path_.c_str(); }

 private:
  std::string path_ = "/tmp/posix-mmap-own-table-XXXXXX";
};

bool lock(int fd) {
  struct flock whole{};
  whole.l_type = F_WRLCK;
  return fcntl(fd, F_SETLK, &whole) == 0;
}

/// Whether another process finds the file locked.
bool held(const char* path) {
  const pid_t child = fork();
  if (child == 0) _exit(lock(open(path, O_RDWR)) ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status) == 1;
}

}  // namespace

TEST_SUITE("own_table") {
  TEST_CASE("what is opened and closed there costs no lock, and is not open here") {
    const TemporaryFile file;
    const int database = open(file.path(), O_RDWR | O_CLOEXEC);
    REQUIRE(lock(database));
    OwnTable table;
    int fd = -1;
    REQUIRE(table.run([&] { fd = open(file.path(), O_RDWR | O_CLOEXEC); }) == 0);
    CHECK(fd == 0);  // nothing else is open there
    int result = -1;
    CHECK(table.run([&] { result = close(fd); }) == 0);
    CHECK(result == 0);
    CHECK(held(file.path()));
    close(open(file.path(), O_RDONLY));
    CHECK_FALSE(held(file.path()));
    close(database);
  }

  TEST_CASE("what is left open there stays, and ends with the table") {
    const TemporaryFile file;
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    {
      OwnTable table;
      int fd = -1;
      REQUIRE(table.run([&] { fd = open(file.path(), O_RDWR); }) == 0);
      ssize_t written = 0;
      CHECK(table.run([&] { written = write(fd, "abc", 3); }) == 0);
      CHECK(written == 3);
      // No socket or pipe of the process is kept open by it.
      close(ends[1]);
      char byte = 0;
      CHECK(read(ends[0], &byte, 1) == 0);
      close(ends[0]);
    }
  }

  TEST_CASE("many threads have one each") {
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < 20; ++round) {
          OwnTable table;
          int sum = 0;
          for (int turn = 0; turn < 50; ++turn) wrong += table.run([&] { sum += turn; }) != 0;
          wrong += sum != 1225;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
  }
}
