#include "posix/faults/guarded_section.h"

#include <signal.h>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "posix/calls/protection.h"
#include "support/child.h"
#include "support/faults.h"
#include "support/memory.h"

using posix_mmap::guarded_section;
using posix_mmap::SectionFault;
using testing::data;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::page;
using testing::RegionPtr;

namespace {

struct Reading {
  const std::byte* at;
  size_t count;
  size_t stride;
  uint64_t sum = 0;
  bool ended = false;
};

/// Keeps values in registers that a call has to give back, so that a wrong recovery shows.
UNSEEN_BY_SANITIZERS void read_bytes(void* argument) {
  auto& reading = *static_cast<Reading*>(argument);
  uint64_t sum = 0;
  for (size_t index = 0; index < reading.count; ++index) {
    sum += static_cast<uint64_t>(testing::load(reading.at + index * reading.stride));
  }
  reading.sum = sum;
  reading.ended = true;
}

SectionFault read_in_section(const RegionPtr& region, Reading& reading) {
  return guarded_section(data(region), region->extent().byte_length, read_bytes, &reading);
}

/// More values than a compiler can hold without the registers that calls preserve.
size_t run_with_full_registers(const RegionPtr& region, size_t faulting, double seed) {
  std::array<double, 12> reals{};
  std::array<uint64_t, 12> integers{};
  for (size_t i = 0; i < 12; ++i) {
    reals[i] = seed + static_cast<double>(i);
    integers[i] = faulting * 31 + i;
  }
  Reading reading{page(region, faulting), 1, 0};
  const SectionFault fault = read_in_section(region, reading);
  size_t wrong = fault.kind == FaultKind::none || reading.ended;
  wrong += fault.address != page(region, faulting);
  for (size_t i = 0; i < 12; ++i) {
    wrong += reals[i] != seed + static_cast<double>(i);
    wrong += integers[i] != faulting * 31 + i;
  }
  return wrong;
}

}  // namespace

TEST_CASE("guarded_section: what can be read is read") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 2 * kPage);
  uint64_t expected = 0;
  for (const std::byte byte : testing::pattern_bytes(0, 2 * kPage)) {
    expected += static_cast<uint64_t>(byte);
  }
  Reading reading{data(region), 2 * kPage, 1};
  CHECK(read_in_section(region, reading).kind == FaultKind::none);
  CHECK(reading.ended);
  CHECK(reading.sum == expected);
}

TEST_CASE("guarded_section: a fault ends it, is recorded by nobody and replaces no page") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 6 * kPage);
  REQUIRE(posix_mmap::protect(*region, kPage, kPage, PROT_NONE) == 0);
  Reading truncated{page(region, 2) - 0, 4, kPage};
  SectionFault fault = read_in_section(region, truncated);
  CHECK(fault.kind == FaultKind::truncated);
  CHECK(fault.address == page(region, 2));
  CHECK_FALSE(truncated.ended);
  Reading forbidden{data(region) + 5, 2, kPage};
  fault = read_in_section(region, forbidden);
  CHECK(fault.kind == FaultKind::no_access);
  CHECK(fault.address == page(region, 1) + 5);
  CHECK(region->faults().peek() == Fault{});
  CHECK(region->faults().records() == 0);
  CHECK_FALSE(region->faults().any_replaced());
}

TEST_CASE("guarded_section: the caller has its registers back, and can go on") {
  const testing::Descriptor file = testing::memfd(0);
  const RegionPtr region = testing::map_file(file.get(), 8 * kPage);
  size_t wrong = 0;
  for (size_t round = 0; round < 800; ++round) {
    wrong += run_with_full_registers(region, round % 8, static_cast<double>(round) * 0.5);
  }
  CHECK(wrong == 0);
  CHECK_FALSE(region->faults().any_replaced());
}

TEST_CASE("guarded_section: the signal mask is the one from before") {
  const testing::Descriptor file = testing::memfd(0);
  const RegionPtr region = testing::map_file(file.get(), kPage);
  sigset_t before;
  sigset_t after;
  sigemptyset(&before);
  sigaddset(&before, SIGUSR2);
  REQUIRE(pthread_sigmask(SIG_BLOCK, &before, nullptr) == 0);
  Reading reading{data(region), 1, 1};
  CHECK(read_in_section(region, reading).kind == FaultKind::truncated);
  REQUIRE(pthread_sigmask(SIG_SETMASK, nullptr, &after) == 0);
  CHECK(sigismember(&after, SIGUSR2) == 1);
  for (const int signal : {SIGSEGV, SIGBUS, SIGUSR1}) CHECK(sigismember(&after, signal) == 0);
  pthread_sigmask(SIG_UNBLOCK, &before, nullptr);
}

TEST_CASE("guarded_section: faults elsewhere are treated as ever") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  const RegionPtr inside = testing::map_file(file.get(), 2 * kPage);
  const testing::Descriptor none = testing::memfd(0);
  const RegionPtr outside = testing::map_file(none.get(), kPage);
  SUBCASE("in another region the page is replaced, and the section goes on") {
    Reading reading{data(outside) + 7, 1, 1};
    CHECK(read_in_section(inside, reading).kind == FaultKind::none);
    CHECK(reading.ended);
    CHECK(reading.sum == 0);
    CHECK(outside->faults().take() == Fault{FaultKind::truncated, 7, 1});
  }
  SUBCASE("on a page of the region that the section does not read") {
    REQUIRE(posix_mmap::protect(*inside, kPage, kPage, PROT_NONE) == 0);
    Reading reading{page(inside, 1), 1, 1};
    CHECK(guarded_section(data(inside), kPage, read_bytes, &reading).kind == FaultKind::none);
    CHECK(inside->faults().take() == Fault{FaultKind::no_access, kPage, 1});
  }
  SUBCASE("after it has ended") {
    Reading reading{data(inside), 1, 1};
    CHECK(guarded_section(data(outside), kPage, read_bytes, &reading).kind == FaultKind::none);
    CHECK(testing::load(data(outside)) == std::byte{0});
    CHECK(outside->faults().take() == Fault{FaultKind::truncated, 0, 1});
  }
  SUBCASE("of the program itself they end the process") {
    testing::in_dying_child(SIGSEGV, [] {
      testing::check_own_faults_work();
      const RegionPtr region = testing::map_anonymous(kPage);
      Reading reading{testing::foreign_page(), 1, 1};
      testing::about_to_die();
      read_in_section(region, reading);
    });
  }
}

TEST_CASE("guarded_section: one inside another, each with its own pages") {
  const testing::Descriptor none = testing::memfd(0);
  const RegionPtr outer = testing::map_file(none.get(), kPage);
  static RegionPtr inner;
  inner = testing::map_file(none.get(), kPage);
  struct Nested {
    Reading reading;
    SectionFault fault;
  } nested{{data(inner), 1, 1}, {}};
  const auto body = [](void* argument) {
    auto& both = *static_cast<Nested*>(argument);
    both.fault = read_in_section(inner, both.reading);
    testing::load(data(inner));  // replaced: the inner section is over
  };
  CHECK(guarded_section(data(outer), kPage, body, &nested).kind == FaultKind::none);
  CHECK(nested.fault.kind == FaultKind::truncated);
  CHECK(inner->faults().take() == Fault{FaultKind::truncated, 0, 1});
  inner.reset();
}

TEST_CASE("guarded_section: threads in sections of their own, next to threads that repair") {
  constexpr size_t kThreads = 4;
  constexpr size_t kRounds = 400;
  std::atomic<size_t> wrong{0};
  std::vector<std::thread> threads;
  for (size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (size_t round = 0; round < kRounds; ++round) {
        const testing::Descriptor file = testing::patterned_memfd(kPage);
        const RegionPtr region = testing::map_file(file.get(), 3 * kPage);
        if (thread % 2 == 0) {
          Reading reading{data(region) + round % kPage, 3, kPage};
          const SectionFault fault = read_in_section(region, reading);
          wrong += fault.kind != FaultKind::truncated;
          wrong += fault.address != page(region, 1) + round % kPage;
          wrong += region->faults().records() != 0;
        } else {
          wrong += testing::load(page(region, 2)) != std::byte{0};
          wrong += region->faults().records() != 1;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}
