// doctest's own signal handlers are left out: it takes SIGSEGV anew for each test case, and puts
// back what was there before, which uninstalls the fault guard.
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "support/child.h"
#include "support/variant.h"

// The sanitizers' handlers would turn the signal that ends a child into a report and an exit code.
extern "C" {
const char* __asan_default_options() { return "handle_segv=0:handle_sigbus=0:handle_abort=0"; }
const char* __tsan_default_options() { return "handle_segv=0:handle_sigbus=0:handle_abort=0"; }
const char* __ubsan_default_options() { return "print_stacktrace=1"; }
}

int main(int argc, char** argv) {
  testing::start_nursery();
  testing::allow_nested_faults();
  return doctest::Context(argc, argv).run();
}
