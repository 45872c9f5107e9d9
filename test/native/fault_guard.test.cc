#include "fault_guard.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "support/child.h"
#include "support/memory.h"

using posix_mmap::fault_guard_active;
using posix_mmap::fault_guard_install;
using testing::data;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::kReadWrite;
using testing::MapRequest;
using testing::killed_by;
using testing::run_child;

// In children, because the handlers are the whole process's. None has the guard when it begins.
namespace {

/// A page that is none of ours, and of which nothing may be had.
std::byte* foreign_page() {
  void* const mapped = mmap(nullptr, kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHILD_CHECK(mapped != MAP_FAILED);
  return static_cast<std::byte*>(mapped);
}

/// The same, but for a file that ends before it: SIGBUS.
std::byte* foreign_truncated_page() {
  const testing::Descriptor file = testing::memfd(0);
  void* const mapped = mmap(nullptr, kPage, kReadWrite, MAP_SHARED, file.get(), 0);
  CHILD_CHECK(mapped != MAP_FAILED);
  return static_cast<std::byte*>(mapped);
}

void check_own_faults_work() {
  const testing::Descriptor file = testing::patterned_memfd(kPage);
  const testing::RegionPtr region = testing::map_file(file.get(), 2 * kPage, PROT_READ);
  CHILD_CHECK(testing::load(data(region) + kPage) == std::byte{0});
  CHILD_CHECK(region->faults().take() == Fault{FaultKind::truncated, kPage, 1});
  testing::store(data(region), std::byte{0});
  CHILD_CHECK(region->faults().take() == Fault{FaultKind::read_only, 0, 1});
}

using Handler = void (*)(int, siginfo_t*, void*);

void set_handler(int signal, Handler handler, int flags, std::initializer_list<int> mask = {}) {
  struct sigaction action {};
  action.sa_sigaction = handler;
  action.sa_flags = flags | SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  for (const int masked : mask) sigaddset(&action.sa_mask, masked);
  CHILD_CHECK(sigaction(signal, &action, nullptr) == 0);
}

void ignore(int signal) {
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  CHILD_CHECK(sigaction(signal, &action, nullptr) == 0);
}

bool is_blocked(int signal) {
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  return sigismember(&now, signal) == 1;
}

// What the handler of a test saw.
int calls = 0;
siginfo_t seen;
bool seen_context = false;
bool seen_own_blocked = false;
bool seen_usr1_blocked = false;
int usr1_calls = 0;
int usr1_calls_inside = 0;
std::byte* to_open = nullptr;
sigjmp_buf way_out;

void note(int, siginfo_t* info, void* context) {
  ++calls;
  seen = *info;
  seen_context = context != nullptr;
  seen_own_blocked = is_blocked(info->si_signo);
  seen_usr1_blocked = is_blocked(SIGUSR1);
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

TEST_CASE("fault_guard: not in force before the first mapping, and in force with it") {
  CHECK(run_child([] {
          CHILD_CHECK(!fault_guard_active());
          const testing::RegionPtr region = testing::map_anonymous(kPage);
          CHILD_CHECK(fault_guard_active());
          check_own_faults_work();
        }) == "exit 0");
}

TEST_CASE("fault_guard: not in force once somebody else has taken a signal") {
  CHECK(run_child([] {
          for (const int signal : {SIGSEGV, SIGBUS}) {
            CHILD_CHECK(fault_guard_install() == 0);
            CHILD_CHECK(fault_guard_active());
            struct sigaction ours {};
            struct sigaction theirs {};
            theirs.sa_handler = SIG_DFL;
            CHILD_CHECK(sigaction(signal, &theirs, &ours) == 0);
            CHILD_CHECK(!fault_guard_active());
            CHILD_CHECK(sigaction(signal, &ours, nullptr) == 0);
            CHILD_CHECK(fault_guard_active());
          }
          check_own_faults_work();
        }) == "exit 0");
}

TEST_CASE("fault_guard: threads that install it together install it once") {
  CHECK(run_child([] {
          std::vector<std::thread> threads;
          for (int thread = 0; thread < 8; ++thread) {
            threads.emplace_back([] { CHILD_CHECK(fault_guard_install() == 0); });
          }
          for (std::thread& thread : threads) thread.join();
          CHILD_CHECK(fault_guard_active());
          check_own_faults_work();
          // Installed twice it would call itself for this one, without end.
          testing::load(foreign_page());
        }) == killed_by(SIGSEGV));
}

TEST_CASE("fault_guard: errors of the program outside our regions still end the process") {
  SUBCASE("a null pointer") {
    CHECK(run_child([] {
            check_own_faults_work();
            std::byte* volatile nowhere = nullptr;
            testing::store(nowhere, std::byte{1});
          }) == killed_by(SIGSEGV));
  }
  SUBCASE("a page without access") {
    CHECK(run_child([] {
            check_own_faults_work();
            testing::load(foreign_page());
          }) == killed_by(SIGSEGV));
  }
  SUBCASE("a page beyond the end of a file") {
    CHECK(run_child([] {
            check_own_faults_work();
            testing::load(foreign_truncated_page());
          }) == killed_by(SIGBUS));
  }
  SUBCASE("a region that was unmapped") {
    CHECK(run_child([] {
            testing::RegionPtr region = testing::map_anonymous(kPage);
            std::byte* const stale = data(region);
            region.reset();
            testing::load(stale);
          }) == killed_by(SIGSEGV));
  }
  SUBCASE("the page after a region") {
    CHECK(run_child([] {
            MapRequest request;
            request.length = kPage;
            request.prot = kReadWrite;
            request.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
            void* const place = mmap(nullptr, 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
                                     -1, 0);
            request.address = reinterpret_cast<uint64_t>(place);
            const testing::RegionPtr region = testing::map_region(request);
            testing::store(data(region) + kPage - 1, std::byte{1});
            testing::load(data(region) + kPage);
          }) == killed_by(SIGSEGV));
  }
}

TEST_CASE("fault_guard: signals that somebody sent do what they would have done") {
  SUBCASE("SIGSEGV ends") {
    CHECK(run_child([] {
            check_own_faults_work();
            kill(getpid(), SIGSEGV);
            pause();
          }) == killed_by(SIGSEGV));
  }
  SUBCASE("SIGBUS ends") {
    CHECK(run_child([] {
            check_own_faults_work();
            raise(SIGBUS);
            pause();
          }) == killed_by(SIGBUS));
  }
  SUBCASE("from a forged siginfo with an address in a region") {
    CHECK(run_child([] {
            const testing::RegionPtr region = testing::map_anonymous(kPage);
            sigval value{};
            value.sival_ptr = data(region);
            sigqueue(getpid(), SIGBUS, value);
            pause();
          }) == killed_by(SIGBUS));
  }
  SUBCASE("ignored ones stay ignored, but not the faults") {
    CHECK(run_child([] {
            ignore(SIGSEGV);
            ignore(SIGBUS);
            check_own_faults_work();
            raise(SIGSEGV);
            raise(SIGBUS);
            kill(getpid(), SIGSEGV);
            check_own_faults_work();
            testing::load(foreign_page());
          }) == killed_by(SIGSEGV));
  }
}

TEST_CASE("fault_guard: an earlier handler is called for foreign faults as the kernel would") {
  SUBCASE("SIGSEGV, with its mask") {
    CHECK(run_child([] {
            set_handler(SIGUSR1, [](int, siginfo_t*, void*) { ++usr1_calls; }, 0);
            set_handler(SIGSEGV, note_and_open, 0, {SIGUSR1});
            check_own_faults_work();
            CHILD_CHECK(calls == 0);
            to_open = foreign_page();
            testing::store(to_open + 9, std::byte{7});
            CHILD_CHECK(calls == 1);
            CHILD_CHECK(testing::load(to_open + 9) == std::byte{7});
            CHILD_CHECK(seen.si_signo == SIGSEGV);
            CHILD_CHECK(seen.si_code == SEGV_ACCERR);
            CHILD_CHECK(seen.si_addr == to_open + 9);
            CHILD_CHECK(seen_context);
            CHILD_CHECK(seen_own_blocked);
            CHILD_CHECK(seen_usr1_blocked);
            CHILD_CHECK(usr1_calls_inside == 0);
            CHILD_CHECK(usr1_calls == 1);
            CHILD_CHECK(!is_blocked(SIGSEGV));
            CHILD_CHECK(!is_blocked(SIGUSR1));
            check_own_faults_work();
          }) == "exit 0");
  }
  SUBCASE("SIGBUS, left by siglongjmp") {
    CHECK(run_child([] {
            set_handler(SIGBUS, note_and_leave, 0);
            check_own_faults_work();
            std::byte* const page = foreign_truncated_page();
            for (int round = 1; round <= 3; ++round) {
              if (sigsetjmp(way_out, 1) == 0) {
                testing::load(page + 5);
                CHILD_CHECK(false);
              }
              CHILD_CHECK(calls == round);
              CHILD_CHECK(seen.si_signo == SIGBUS);
              CHILD_CHECK(seen.si_code == BUS_ADRERR);
              CHILD_CHECK(seen.si_addr == page + 5);
              CHILD_CHECK(seen_own_blocked);
              CHILD_CHECK(!seen_usr1_blocked);
              CHILD_CHECK(!is_blocked(SIGBUS));
              check_own_faults_work();
            }
          }) == "exit 0");
  }
  SUBCASE("SA_NODEFER leaves the signal open") {
    CHECK(run_child([] {
            set_handler(SIGSEGV, note_and_leave, SA_NODEFER);
            check_own_faults_work();
            if (sigsetjmp(way_out, 1) == 0) testing::load(foreign_page());
            CHILD_CHECK(calls == 1);
            CHILD_CHECK(!seen_own_blocked);
          }) == "exit 0");
  }
  SUBCASE("without SA_SIGINFO, for a signal that was sent") {
    CHECK(run_child([] {
            struct sigaction action {};
            action.sa_handler = [](int signal) { calls += signal == SIGSEGV ? 1 : 100; };
            CHILD_CHECK(sigaction(SIGSEGV, &action, nullptr) == 0);
            check_own_faults_work();
            raise(SIGSEGV);
            CHILD_CHECK(calls == 1);
          }) == "exit 0");
  }
  SUBCASE("that lets the program end by restoring the default") {
    CHECK(run_child([] {
            set_handler(SIGBUS, [](int signal, siginfo_t*, void*) { ::signal(signal, SIG_DFL); }, 0);
            check_own_faults_work();
            testing::load(foreign_truncated_page());
          }) == killed_by(SIGBUS));
  }
  SUBCASE("that counts on SA_RESETHAND to end the program") {
    CHECK(run_child([] {
            set_handler(SIGSEGV, note, SA_RESETHAND);
            check_own_faults_work();
            testing::load(foreign_page());
          }) == killed_by(SIGSEGV));
  }
}

TEST_CASE("fault_guard: a fault of ours leaves errno as it was") {
  CHECK(run_child([] {
          errno = 1234;
          const testing::RegionPtr region = testing::map_anonymous(kPage, PROT_NONE);
          errno = 1234;
          testing::load(data(region));
          CHILD_CHECK(errno == 1234);
        }) == "exit 0");
}

namespace {

#if defined(__x86_64__)
constexpr unsigned char kReturn[] = {0xC3};
#else
constexpr unsigned char kReturn[] = {0xC0, 0x03, 0x5F, 0xD6};
#endif

/// UBSan would look for the type of the function in the bytes before it.
__attribute__((no_sanitize("undefined"))) void call(std::byte* code) {
  reinterpret_cast<void (*)()>(code)();
}

testing::Descriptor code_file() {
  testing::Descriptor file = testing::memfd(kPage);
  CHILD_CHECK(pwrite(file.get(), kReturn, sizeof(kReturn), 0) == sizeof(kReturn));
  return file;
}

}  // namespace

TEST_CASE("fault_guard: data that is executed is no fault that could be repaired") {
  SUBCASE("it runs where it may") {
    CHECK(run_child([] {
            const testing::Descriptor file = code_file();
            const testing::RegionPtr region =
                testing::map_file(file.get(), kPage, PROT_READ | PROT_EXEC);
            call(data(region));
            CHILD_CHECK(region->faults().peek() == Fault{});
          }) == "exit 0");
  }
  SUBCASE("without PROT_EXEC the process ends") {
    CHECK(run_child([] {
            const testing::Descriptor file = code_file();
            const testing::RegionPtr region = testing::map_file(file.get(), kPage);
            call(data(region));
          }) == killed_by(SIGSEGV));
  }
  SUBCASE("beyond the end of the file the process ends") {
    CHECK(run_child([] {
            const testing::Descriptor file = code_file();
            const testing::RegionPtr region =
                testing::map_file(file.get(), kPage, PROT_READ | PROT_EXEC);
            testing::resize(file.get(), 0);
            call(data(region));
          }) == killed_by(SIGBUS));
  }
}
