#include "support/variant.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <initializer_list>

#include "posix/faults/fault_guard.h"

namespace testing {

void allow_nested_faults() {
  if (!kThreadSanitizer) return;
  // As the kernel has it; sigaction(3) would go through TSan again.
  struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    uint64_t mask;
  } action;
  if (posix_mmap::fault_guard_install() != 0) abort();
  for (const int signal : {SIGSEGV, SIGBUS}) {
    if (syscall(SYS_rt_sigaction, signal, nullptr, &action, sizeof(action.mask)) != 0) abort();
    action.mask = 0;
    if (syscall(SYS_rt_sigaction, signal, &action, nullptr, sizeof(action.mask)) != 0) abort();
  }
}

}  // namespace testing
