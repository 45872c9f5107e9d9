#include "posix/detached_thread.h"

#include <pthread.h>
#include <signal.h>

#include <cstddef>
#include <initializer_list>

namespace posix_mmap {
namespace {

// The default of musl is 128 KiB, and a fault may run every handler of the program on this stack.
constexpr size_t kStackBytes = size_t{1} << 20;

}  // namespace

int start_detached_thread(void* (*serve)(void*), void* argument) noexcept {
  sigset_t blocked;
  sigset_t before;
  sigfillset(&blocked);
  for (const int raised : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) {
    sigdelset(&blocked, raised);
  }
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  pthread_t thread{};
  const int error = pthread_create(&thread, &attributes, serve, argument);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return error;
}

}  // namespace posix_mmap
