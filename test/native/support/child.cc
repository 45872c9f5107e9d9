#include "support/child.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace testing {
namespace {

constexpr unsigned kSeconds = 10;

int nursery = -1;
std::atomic<bool>* said_so = nullptr;  // about_to_die, in memory that the child shares

int run_here(void (*body)()) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(kSeconds);
    body();
    _exit(0);
  }
  int status = -1;
  if (child > 0) waitpid(child, &status, 0);
  return status;
}

[[noreturn]] void serve(int requests) {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  void (*body)() = nullptr;
  while (read(requests, &body, sizeof(body)) == sizeof(body)) {
    const int status = run_here(body);
    if (write(requests, &status, sizeof(status)) != sizeof(status)) break;
  }
  _exit(0);
}

std::string end_of(void (*body)()) {
  int status = -1;
  *said_so = false;
  // The same program, not exec'd: an address of a function means the same over there.
  REQUIRE(write(nursery, &body, sizeof(body)) == sizeof(body));
  REQUIRE(read(nursery, &status, sizeof(status)) == sizeof(status));
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

void start_nursery() {
  void* const shared =
      mmap(nullptr, sizeof(*said_so), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int ends[2];
  if (shared == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    abort();
  }
  said_so = new (shared) std::atomic<bool>(false);
  const pid_t child = fork();
  if (child < 0) abort();
  if (child == 0) {
    close(ends[0]);
    serve(ends[1]);
  }
  close(ends[1]);
  nursery = ends[0];
}

void in_child(void (*body)()) { CHECK(end_of(body) == "exit 0"); }

void in_dying_child(int signal, void (*body)()) {
  CHECK(end_of(body) == "signal " + std::to_string(signal));
  CHECK_MESSAGE(*said_so, "the child was ended too early");
}

void about_to_die() { *said_so = true; }

void skip_child(const char* reason, int error) {
  fprintf(stderr, "skipped: %s%s%s\n", reason, error != 0 ? ": " : "",
          error != 0 ? strerror(error) : "");
  _exit(0);
}

void fail_child(const char* file, int line, const char* condition) {
  fprintf(stderr, "%s:%d: failed in a child process: %s (errno: %s)\n", file, line, condition,
          strerror(errno));
  _exit(1);
}

}  // namespace testing
