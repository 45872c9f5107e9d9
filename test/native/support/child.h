// Child processes for what only a process can show: a signal that ends it, or handlers that nobody
// has installed yet.
#pragma once

#include <string>

namespace testing {

/// Forks the process from which run_child forks. Before the first thread and the first mapping, so
/// that no child begins with somebody's lock taken or with the fault guard in force.
void start_nursery();

/// Runs `body` in a fresh child. How it ended: "exit 0", "signal 11". A child that hangs is ended by
/// SIGALRM.
std::string run_child(void (*body)());

std::string killed_by(int signal);

/// Ends the child with a skip: run_child prints the reason, and says "exit 0".
[[noreturn]] void skip_child(const char* reason, int error = 0);

[[noreturn]] void fail_child(const char* file, int line, const char* condition);

}  // namespace testing

/// doctest's assertions count in the parent only; this one ends the child.
#define CHILD_CHECK(...) \
  ((__VA_ARGS__) ? void() : testing::fail_child(__FILE__, __LINE__, #__VA_ARGS__))
