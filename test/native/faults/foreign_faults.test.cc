// Faults and signals that are not about a region of ours: as if there were no fault guard.
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/child.h"
#include "support/faults.h"
#include "support/memory.h"

using testing::data;
using testing::kPage;
using testing::kReadWrite;

namespace {

void ignore(int signal) {
  struct sigaction action{};
  action.sa_handler = SIG_IGN;
  CHILD_CHECK(sigaction(signal, &action, nullptr) == 0);
}

}  // namespace

TEST_CASE("foreign_faults: errors of the program outside our regions still end the process") {
  SUBCASE("a null pointer") {
    testing::in_dying_child(SIGSEGV, [] {
      testing::check_own_faults_work();
      std::byte* volatile nowhere = nullptr;
      testing::about_to_die();
      testing::store(nowhere, std::byte{1});
    });
  }
  SUBCASE("a page without access") {
    testing::in_dying_child(SIGSEGV, [] {
      testing::check_own_faults_work();
      testing::about_to_die();
      testing::load(testing::foreign_page());
    });
  }
  SUBCASE("a page beyond the end of a file") {
    testing::in_dying_child(SIGBUS, [] {
      testing::check_own_faults_work();
      testing::about_to_die();
      testing::load(testing::foreign_truncated_page());
    });
  }
  SUBCASE("a region that was unmapped") {
    testing::in_dying_child(SIGSEGV, [] {
      testing::RegionPtr region = testing::map_anonymous(kPage);
      std::byte* const stale = data(region);
      region.reset();
      testing::about_to_die();
      testing::load(stale);
    });
  }
  SUBCASE("the page after a region") {
    testing::in_dying_child(SIGSEGV, [] {
      testing::MapRequest request;
      request.length = kPage;
      request.prot = kReadWrite;
      request.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
      void* const place = mmap(nullptr, 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      request.address = reinterpret_cast<uint64_t>(place);
      const testing::RegionPtr region = testing::map_region(request);
      testing::store(data(region) + kPage - 1, std::byte{1});
      testing::about_to_die();
      testing::load(data(region) + kPage);
    });
  }
}

TEST_CASE("foreign_faults: signals that somebody sent do what they would have done") {
  SUBCASE("SIGSEGV ends") {
    testing::in_dying_child(SIGSEGV, [] {
      testing::check_own_faults_work();
      testing::about_to_die();
      kill(getpid(), SIGSEGV);
      pause();
    });
  }
  SUBCASE("SIGBUS ends") {
    testing::in_dying_child(SIGBUS, [] {
      testing::check_own_faults_work();
      testing::about_to_die();
      raise(SIGBUS);
      pause();
    });
  }
  SUBCASE("from a forged siginfo with an address in a region") {
    testing::in_dying_child(SIGBUS, [] {
      const testing::RegionPtr region = testing::map_anonymous(kPage);
      siginfo_t info{};
      info.si_code = SI_QUEUE;
      info.si_addr = data(region);
      testing::about_to_die();
      syscall(SYS_rt_sigqueueinfo, getpid(), SIGBUS, &info);
      pause();
    });
  }
  SUBCASE("ignored ones stay ignored, but not the faults") {
    testing::in_dying_child(SIGSEGV, [] {
      ignore(SIGSEGV);
      ignore(SIGBUS);
      testing::check_own_faults_work();
      raise(SIGSEGV);
      raise(SIGBUS);
      kill(getpid(), SIGSEGV);
      testing::check_own_faults_work();
      testing::about_to_die();
      testing::load(testing::foreign_page());
    });
  }
}
