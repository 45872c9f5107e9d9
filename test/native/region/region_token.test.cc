// Regions that other threads know by a number only.
#include "posix/region/region_token.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "support/memory.h"

using posix_mmap::RegionUser;
using testing::kPage;

TEST_SUITE("region_token") {
  TEST_CASE("a token is one more user of the same region") {
    const testing::RegionPtr region = testing::map_anonymous(kPage);
    const uint64_t token = region->issue_token();
    CHECK(region->issue_token() == token);
    {
      const RegionUser other = RegionUser::of_token(token);
      REQUIRE(other.get() == region.get());
      CHECK(region->users() == 2);
    }
    CHECK(region->users() == 1);
  }

  TEST_CASE("nothing comes of the token of a region that has gone, or of no token") {
    uint64_t token = 0;
    {
      const testing::RegionPtr region = testing::map_anonymous(kPage);
      token = region->issue_token();
    }
    const testing::RegionPtr next = testing::map_anonymous(kPage);
    CHECK_FALSE(RegionUser::of_token(token));
    CHECK_FALSE(RegionUser::of_token(next->serial()));  // was never issued
    CHECK_FALSE(RegionUser::of_token(0));
    CHECK_FALSE(RegionUser::of_token(UINT64_MAX));
  }

  TEST_CASE("what is said of a token stays with it, and the first to say it counts") {
    const testing::RegionPtr region = testing::map_anonymous(kPage);
    const uint64_t token = region->issue_token();
    CHECK(posix_mmap::describe_token(token, "first", -1) == 0);
    CHECK(posix_mmap::describe_token(token, "second", -1) == 0);
    region->hide_token();
    CHECK_FALSE(RegionUser::of_token(token));
    CHECK(region->issue_token() == token);
    std::string facts;
    int fd = 0;
    CHECK(posix_mmap::facts_of_token(token, facts, fd) == 0);
    CHECK(facts == "first");
    CHECK(fd == -1);
    CHECK(posix_mmap::facts_of_token(token + 1000, facts, fd) == -ESTALE);
  }

  TEST_CASE("a token keeps a descriptor of its own, and gives out others") {
    uint64_t token = 0;
    {
      const testing::RegionPtr region = testing::map_anonymous(kPage);
      token = region->issue_token();
      const int memory = memfd_create("token", MFD_CLOEXEC);
      REQUIRE(posix_mmap::describe_token(token, "", memory) == 0);
      close(memory);
      std::string facts;
      int fd = -1;
      REQUIRE(posix_mmap::facts_of_token(token, facts, fd) == 0);
      CHECK(fd >= 0);
      CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
      close(fd);
    }
    std::string facts;
    int fd = -1;
    CHECK(posix_mmap::facts_of_token(token, facts, fd) == -ESTALE);
  }

  TEST_CASE("threads that redeem while the last user goes get the region or nothing") {
    constexpr int kRounds = 2000;
    std::atomic<uint64_t> token{0};
    std::atomic<bool> done{false};
    std::atomic<size_t> wrong{0};
    const size_t before = posix_mmap::live_regions();
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 2; ++thread) {
      threads.emplace_back([&] {
        while (!done.load()) {
          const RegionUser region = RegionUser::of_token(token.load());
          if (!region) continue;
          wrong += testing::load(region->extent().data()) != std::byte{0};
        }
      });
    }
    for (int round = 0; round < kRounds; ++round) {
      const testing::RegionPtr region = testing::map_anonymous(kPage);
      token.store(region->issue_token());
    }
    done.store(true);
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong.load() == 0);
    CHECK(posix_mmap::live_regions() == before);
  }
}
