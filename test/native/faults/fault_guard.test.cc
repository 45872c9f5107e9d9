#include "posix/faults/fault_guard.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "support/child.h"
#include "support/faults.h"
#include "support/memory.h"

using posix_mmap::fault_guard_active;
using posix_mmap::fault_guard_install;
using testing::data;
using testing::Fault;
using testing::kPage;

TEST_CASE("fault_guard: not in force before the first mapping, and in force with it") {
  testing::in_child([] {
    CHILD_CHECK(!fault_guard_active());
    const testing::RegionPtr region = testing::map_anonymous(kPage);
    CHILD_CHECK(fault_guard_active());
    testing::check_own_faults_work();
  });
}

TEST_CASE("fault_guard: not in force once somebody else has taken a signal") {
  testing::in_child([] {
    for (const int signal : {SIGSEGV, SIGBUS}) {
      CHILD_CHECK(fault_guard_install() == 0);
      CHILD_CHECK(fault_guard_active());
      struct sigaction ours{};
      struct sigaction theirs{};
      theirs.sa_handler = SIG_DFL;
      CHILD_CHECK(sigaction(signal, &theirs, &ours) == 0);
      CHILD_CHECK(!fault_guard_active());
      CHILD_CHECK(sigaction(signal, &ours, nullptr) == 0);
      CHILD_CHECK(fault_guard_active());
    }
    testing::check_own_faults_work();
  });
}

TEST_CASE("fault_guard: threads that install it together install it once") {
  testing::in_dying_child(SIGSEGV, [] {
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 8; ++thread) {
      threads.emplace_back([] { CHILD_CHECK(fault_guard_install() == 0); });
    }
    for (std::thread& thread : threads) thread.join();
    CHILD_CHECK(fault_guard_active());
    testing::check_own_faults_work();
    // Installed twice it would call itself for this one, without end.
    testing::about_to_die();
    testing::load(testing::foreign_page());
  });
}

TEST_CASE("fault_guard: a fault of ours leaves errno as it was") {
  testing::in_child([] {
    const testing::RegionPtr region = testing::map_anonymous(kPage, PROT_NONE);
    errno = 1234;
    testing::load_word(data(region));  // a function that the compiler does not see into
    CHILD_CHECK(errno == 1234);
  });
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
    testing::in_child([] {
      const testing::Descriptor file = code_file();
      const testing::RegionPtr region = testing::map_file(file.get(), kPage, PROT_READ | PROT_EXEC);
      call(data(region));
      CHILD_CHECK(region->faults().peek() == Fault{});
    });
  }
  SUBCASE("without PROT_EXEC the process ends") {
    testing::in_dying_child(SIGSEGV, [] {
      const testing::Descriptor file = code_file();
      const testing::RegionPtr region = testing::map_file(file.get(), kPage);
      testing::about_to_die();
      call(data(region));
    });
  }
  SUBCASE("beyond the end of the file the process ends") {
    testing::in_dying_child(SIGBUS, [] {
      const testing::Descriptor file = code_file();
      const testing::RegionPtr region = testing::map_file(file.get(), kPage, PROT_READ | PROT_EXEC);
      testing::resize(file.get(), 0);
      testing::about_to_die();
      call(data(region));
    });
  }
}
