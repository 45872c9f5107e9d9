#include "posix/region/map_count.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include "posix/region/map_budget.h"
#include "support/child.h"
#include "support/memory.h"
#include "support/variant.h"

using posix_mmap::count_maps;
using posix_mmap::map_budget_ask;
using testing::kPage;

namespace {

long counted() {
  long maps = 0;
  CHILD_CHECK(count_maps(maps) == 0);
  return maps;
}

void take_all_descriptors() {
  rlimit few{};
  getrlimit(RLIMIT_NOFILE, &few);
  few.rlim_cur = 64;
  setrlimit(RLIMIT_NOFILE, &few);
  while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) {
  }
  CHILD_CHECK(errno == EMFILE);
}

int open_maps() {
  for (int fd = 0; fd < 1'024; ++fd) {
    char target[64] = {};
    char path[32];
    std::snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (readlink(path, target, sizeof(target) - 1) > 0 &&
        std::string(target).find("/maps") != std::string::npos) {
      return fd;
    }
  }
  return -1;
}

}  // namespace

TEST_CASE("map_count: counts what there is") {
  if (testing::kSanitized) return;  // their runtimes map as they like
  testing::in_child([] {
    counted();
    const long before = counted();
    for (int i = 0; i < 10; ++i) {
      CHILD_CHECK(mmap(nullptr, kPage, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    }
    CHILD_CHECK(counted() == before + 10);
    CHILD_CHECK(posix_mmap::map_limit() >= 1'000);
  });
}

TEST_CASE("map_count: needs no other descriptor after the first call, and says so before") {
  testing::in_child([] {
    CHILD_CHECK(counted() > 0);
    take_all_descriptors();
    CHILD_CHECK(counted() > 0);
    CHILD_CHECK(posix_mmap::map_limit() >= 1'000);
    for (int i = 0; i < 10'000; ++i) CHILD_CHECK(map_budget_ask(1) == 0);
  });
  testing::in_child([] {
    take_all_descriptors();
    long maps = 0;
    CHILD_CHECK(count_maps(maps) == -EMFILE);
    int given = 0;
    while (map_budget_ask(1) == 0) ++given;
    // As many as a careful program may make blindly, and then the true reason.
    CHILD_CHECK(given > 100);
    CHILD_CHECK(given < 10'000);
    CHILD_CHECK(map_budget_ask(1) == -EMFILE);
  });
}

TEST_CASE("map_count: reads no other file under the number of its own") {
  testing::in_child([] {
    const long before = counted();
    const int own = open_maps();
    CHILD_CHECK(own >= 0);
    const int other = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    CHILD_CHECK(dup2(other, own) == own);
    CHILD_CHECK(counted() > before / 2);
    CHILD_CHECK(lseek(other, 0, SEEK_CUR) == 0);
    close(open_maps());
    CHILD_CHECK(counted() > before / 2);
  });
}
