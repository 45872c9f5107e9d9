#include "child.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace testing {
namespace {

constexpr unsigned kSeconds = 10;
constexpr int kSkipped = 77;

int nursery = -1;

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

}  // namespace

void start_nursery() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) abort();
  const pid_t child = fork();
  if (child < 0) abort();
  if (child == 0) {
    close(ends[0]);
    serve(ends[1]);
  }
  close(ends[1]);
  nursery = ends[0];
}

std::string run_child(void (*body)()) {
  int status = -1;
  // The same program, not exec'd: an address of a function means the same over there.
  REQUIRE(write(nursery, &body, sizeof(body)) == sizeof(body));
  REQUIRE(read(nursery, &status, sizeof(status)) == sizeof(status));
  if (WIFSIGNALED(status)) return killed_by(WTERMSIG(status));
  const int code = WEXITSTATUS(status);
  return "exit " + std::to_string(code == kSkipped ? 0 : code);
}

std::string killed_by(int signal) { return "signal " + std::to_string(signal); }

void skip_child(const char* reason, int error) {
  fprintf(stderr, "skipped: %s%s%s\n", reason, error != 0 ? ": " : "",
          error != 0 ? strerror(error) : "");
  _exit(kSkipped);
}

void fail_child(const char* file, int line, const char* condition) {
  fprintf(stderr, "%s:%d: failed in a child process: %s (errno %s)\n", file, line, condition,
          strerror(errno));
  _exit(1);
}

}  // namespace testing
