// Regions that other threads know by a number only.
#include "region_ticket.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/memory.h"

using posix_mmap::issue_ticket;
using posix_mmap::redeem_ticket;
using posix_mmap::Region;
using testing::kPage;

TEST_SUITE("region_ticket") {
  TEST_CASE("a ticket is one more user of the same region") {
    const testing::RegionPtr region = testing::map_anonymous(kPage);
    const uint64_t ticket = issue_ticket(*region);
    CHECK(issue_ticket(*region) == ticket);
    Region* const joined = redeem_ticket(ticket);
    REQUIRE(joined == region.get());
    CHECK(region->users() == 2);
    joined->part();
    CHECK(region->users() == 1);
  }

  TEST_CASE("nothing comes of the ticket of a region that has gone, or of no ticket") {
    uint64_t ticket = 0;
    {
      const testing::RegionPtr region = testing::map_anonymous(kPage);
      ticket = issue_ticket(*region);
    }
    const testing::RegionPtr next = testing::map_anonymous(kPage);
    CHECK(redeem_ticket(ticket) == nullptr);
    CHECK(redeem_ticket(next->serial()) == nullptr);  // was never issued
    CHECK(redeem_ticket(0) == nullptr);
    CHECK(redeem_ticket(UINT64_MAX) == nullptr);
  }

  TEST_CASE("the office is the same for all, and a JS number") {
    uint64_t other = 0;
    std::thread([&] { other = posix_mmap::ticket_office(); }).join();
    CHECK(other == posix_mmap::ticket_office());
    CHECK(other < uint64_t{1} << 53U);
  }

  TEST_CASE("threads that redeem while the last user goes get the region or nothing") {
    constexpr int kRounds = 2000;
    std::atomic<uint64_t> ticket{0};
    std::atomic<bool> done{false};
    std::atomic<size_t> wrong{0};
    const size_t before = posix_mmap::live_regions();
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 2; ++thread) {
      threads.emplace_back([&] {
        while (!done.load()) {
          Region* const region = redeem_ticket(ticket.load());
          if (region == nullptr) continue;
          wrong += testing::load(region->extent().data()) != std::byte{0};
          region->part();
        }
      });
    }
    for (int round = 0; round < kRounds; ++round) {
      const testing::RegionPtr region = testing::map_anonymous(kPage);
      ticket.store(issue_ticket(*region));
    }
    done.store(true);
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong.load() == 0);
    CHECK(posix_mmap::live_regions() == before);
  }
}
