// Child processes for what only a process can show: a signal that ends it, or handlers that nobody
// has installed yet.
#pragma once

namespace testing {

/// Forks the process from which the children come. Before the first thread and the first mapping,
/// so that no child begins with somebody's lock taken or with the fault guard in force.
void start_nursery();

/// Runs `body` in a fresh child, which has to come to its end.
void in_child(void (*body)());

/// Runs `body` in a fresh child, which has to say about_to_die() and then to be ended by a signal.
/// One that hangs is ended by SIGALRM.
void in_dying_child(int signal, void (*body)());
void about_to_die();

/// Ends the child with a skip, which is a success, and prints the reason.
[[noreturn]] void skip_child(const char* reason, int error = 0);

[[noreturn]] void fail_child(const char* file, int line, const char* condition);

}  // namespace testing

/// doctest's assertions count in the parent only; this one ends the child.
#define CHILD_CHECK(...) \
  ((__VA_ARGS__) ? void() : testing::fail_child(__FILE__, __LINE__, #__VA_ARGS__))
