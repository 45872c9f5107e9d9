// A handler that was there before the fault guard: called for foreign faults as the kernel would.
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

#include <initializer_list>

#include "support/child.h"
#include "support/faults.h"
#include "support/memory.h"
#include "support/variant.h"

using testing::kPage;
using testing::kReadWrite;

namespace {

using Handler = void (*)(int, siginfo_t*, void*);

void set_handler(int signal, Handler handler, int flags, std::initializer_list<int> mask = {}) {
  struct sigaction action{};
  action.sa_sigaction = handler;
  action.sa_flags = flags | SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  for (const int masked : mask) sigaddset(&action.sa_mask, masked);
  CHILD_CHECK(sigaction(signal, &action, nullptr) == 0);
}

bool is_blocked(int signal) {
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  return sigismember(&now, signal) == 1;
}

/// What the handler of a test saw.
struct Seen {
  int calls = 0;
  siginfo_t info{};
  bool with_context = false;
  bool own_blocked = false;
  bool usr1_blocked = false;
};
Seen seen;
int usr1_calls = 0;
int usr1_calls_inside = 0;
std::byte* to_open = nullptr;
sigjmp_buf way_out;

void note(int, siginfo_t* info, void* context) {
  seen = {seen.calls + 1, *info, context != nullptr, is_blocked(info->si_signo),
          is_blocked(SIGUSR1)};
}

void note_and_open(int signal, siginfo_t* info, void* context) {
  note(signal, info, context);
  raise(SIGUSR1);
  usr1_calls_inside = usr1_calls;
  mprotect(to_open, kPage, kReadWrite);
}

void note_and_leave(int signal, siginfo_t* info, void* context) {
  note(signal, info, context);
  siglongjmp(way_out, 1);
}

}  // namespace

TEST_CASE("earlier_handler: is called for foreign faults with all that the kernel says") {
  testing::in_child([] {
    set_handler(SIGSEGV, note_and_leave, 0);
    set_handler(SIGBUS, note_and_leave, 0);
    testing::check_own_faults_work();
    CHILD_CHECK(seen.calls == 0);
    std::byte* const closed = testing::foreign_page();
    std::byte* const truncated = testing::foreign_truncated_page();
    for (int round = 0; round < 3; ++round) {
      if (sigsetjmp(way_out, 1) == 0) {
        testing::store(closed + 9, std::byte{1});
        CHILD_CHECK(false);
      }
      CHILD_CHECK(seen.calls == 2 * round + 1);
      CHILD_CHECK(seen.info.si_signo == SIGSEGV);
      CHILD_CHECK(seen.info.si_code == SEGV_ACCERR);
      CHILD_CHECK(seen.info.si_addr == closed + 9);
      CHILD_CHECK(seen.with_context);
      CHILD_CHECK(!is_blocked(SIGSEGV));
      if (sigsetjmp(way_out, 1) == 0) {
        testing::load(truncated + 5);
        CHILD_CHECK(false);
      }
      CHILD_CHECK(seen.calls == 2 * round + 2);
      CHILD_CHECK(seen.info.si_signo == SIGBUS);
      CHILD_CHECK(seen.info.si_code == BUS_ADRERR);
      CHILD_CHECK(seen.info.si_addr == truncated + 5);
      CHILD_CHECK(seen.with_context);
      CHILD_CHECK(!is_blocked(SIGBUS));
      testing::check_own_faults_work();
    }
  });
}

TEST_CASE("earlier_handler: runs with the signals blocked that it asked for") {
  if (testing::kThreadSanitizer) {
    MESSAGE("skipped: TSan blocks all signals in a handler, and delivers sent ones later");
    return;
  }
  SUBCASE("its own and those of sa_mask") {
    testing::in_child([] {
      set_handler(SIGUSR1, [](int, siginfo_t*, void*) { ++usr1_calls; }, 0);
      set_handler(SIGSEGV, note_and_open, 0, {SIGUSR1});
      testing::check_own_faults_work();
      to_open = testing::foreign_page();
      testing::store(to_open, std::byte{7});
      CHILD_CHECK(seen.calls == 1);
      CHILD_CHECK(testing::load(to_open) == std::byte{7});
      CHILD_CHECK(seen.own_blocked);
      CHILD_CHECK(seen.usr1_blocked);
      CHILD_CHECK(usr1_calls_inside == 0);
      CHILD_CHECK(usr1_calls == 1);
      CHILD_CHECK(!is_blocked(SIGSEGV));
      CHILD_CHECK(!is_blocked(SIGUSR1));
    });
  }
  SUBCASE("only its own") {
    testing::in_child([] {
      set_handler(SIGBUS, note_and_leave, 0);
      testing::check_own_faults_work();
      if (sigsetjmp(way_out, 1) == 0) testing::load(testing::foreign_truncated_page());
      CHILD_CHECK(seen.own_blocked);
      CHILD_CHECK(!seen.usr1_blocked);
    });
  }
  SUBCASE("not its own with SA_NODEFER") {
    testing::in_child([] {
      set_handler(SIGSEGV, note_and_leave, SA_NODEFER);
      testing::check_own_faults_work();
      if (sigsetjmp(way_out, 1) == 0) testing::load(testing::foreign_page());
      CHILD_CHECK(seen.calls == 1);
      CHILD_CHECK(!seen.own_blocked);
    });
  }
}

TEST_CASE("earlier_handler: without SA_SIGINFO, for a signal that was sent") {
  testing::in_child([] {
    struct sigaction action{};
    action.sa_handler = [](int signal) { seen.calls += signal == SIGSEGV ? 1 : 100; };
    CHILD_CHECK(sigaction(SIGSEGV, &action, nullptr) == 0);
    testing::check_own_faults_work();
    raise(SIGSEGV);
    CHILD_CHECK(seen.calls == 1);
  });
}

TEST_CASE("earlier_handler: ends the process in the ways in which handlers do") {
  SUBCASE("by restoring the default") {
    testing::in_dying_child(SIGBUS, [] {
      set_handler(SIGBUS, [](int signal, siginfo_t*, void*) { ::signal(signal, SIG_DFL); }, 0);
      testing::check_own_faults_work();
      testing::about_to_die();
      testing::load(testing::foreign_truncated_page());
    });
  }
  SUBCASE("by having asked for SA_RESETHAND") {
    testing::in_dying_child(SIGSEGV, [] {
      set_handler(SIGSEGV, note, SA_RESETHAND);
      testing::check_own_faults_work();
      testing::about_to_die();
      testing::load(testing::foreign_page());
    });
  }
}
