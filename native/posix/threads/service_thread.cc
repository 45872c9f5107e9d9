#include "posix/threads/service_thread.h"

#include <pthread.h>
#include <signal.h>

#include <cerrno>
#include <initializer_list>
#include <new>

namespace posix_mmap {
namespace {

struct Start {
  void (*body)(void*);
  void* argument;
};

void* run(void* raw) {
  const Start start = *static_cast<Start*>(raw);
  delete static_cast<Start*>(raw);
  start.body(start.argument);
  return nullptr;
}

}  // namespace

int start_service_thread(void (*body)(void*), void* argument) noexcept {
  auto* const start = new (std::nothrow) Start{body, argument};
  if (start == nullptr) return -ENOMEM;
  sigset_t blocked;
  sigset_t before;
  sigfillset(&blocked);
  for (const int raised : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) {
    sigdelset(&blocked, raised);
  }
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  pthread_t thread{};
  const int error = pthread_create(&thread, &attributes, run, start);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) delete start;
  return -error;
}

}  // namespace posix_mmap
