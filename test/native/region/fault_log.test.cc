#include "posix/region/fault_log.h"

#include <atomic>
#include <random>
#include <thread>

#include "support/memory.h"

using posix_mmap::FaultLog;
using testing::Fault;
using testing::FaultKind;

namespace {

constexpr Fault kNone{};

size_t differences(const FaultLog& log, const std::vector<FaultKind>& expected) {
  size_t count = 0;
  size_t next = expected.size();  // the first replaced page from here on
  for (size_t page = expected.size(); page-- > 0;) {
    count += log.replaced(page) != expected[page];
    if (expected[page] != FaultKind::none) next = page;
    size_t found = page;
    const FaultKind kind = log.first_replaced(found, expected.size() - 1);
    count += kind != (next == expected.size() ? FaultKind::none : expected[next]);
    count += kind != FaultKind::none && found != next;
  }
  return count;
}

}  // namespace

TEST_CASE("fault_log: keeps the first fault, counts them all, forgets them when taken") {
  FaultLog log;
  log.reset(10);
  CHECK(log.peek() == kNone);
  CHECK(log.latest_kind() == FaultKind::none);
  CHECK(log.records() == 0);

  log.record(FaultKind::no_access, 0);
  log.record(FaultKind::truncated, 77);
  CHECK(log.peek() == Fault{FaultKind::no_access, 0, 2});
  CHECK(log.latest_kind() == FaultKind::truncated);
  CHECK(log.records() == 2);

  CHECK(log.take() == Fault{FaultKind::no_access, 0, 2});
  CHECK(log.take() == kNone);
  CHECK(log.latest_kind() == FaultKind::truncated);
  const uint64_t far = uint64_t{1} << 47;
  log.record(FaultKind::read_only, far);
  CHECK(log.records() == 3);
  CHECK(log.peek() == Fault{FaultKind::read_only, far, 1});

  log.reset(10);
  CHECK(log.peek() == kNone);
  CHECK(log.latest_kind() == FaultKind::none);
}

TEST_CASE("fault_log: marks exactly the pages that were replaced, as a plain vector does") {
  std::mt19937 random(4);
  for (const size_t pages : {1, 31, 32, 33, 64, 65, 100, 257}) {
    FaultLog log;
    log.reset(pages);
    std::vector<FaultKind> expected(pages, FaultKind::none);
    CHECK_FALSE(log.any_replaced());
    CHECK(differences(log, expected) == 0);
    size_t wrong = 0;
    size_t repairs = 0;
    for (int round = 0; round < 100; ++round) {
      const size_t first = random() % pages;
      const size_t count = random() % 4 == 0 ? pages - first : 1 + random() % (pages - first);
      const bool restore = round > 0 && random() % 3 == 0;
      const auto kind = restore ? FaultKind::none : static_cast<FaultKind>(1 + random() % 3);
      restore ? log.mark_restored(first, count) : log.mark_replaced(kind, first, count);
      repairs += !restore;
      std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(first), count, kind);
      wrong += differences(log, expected);
    }
    CHECK(wrong == 0);
    CHECK(log.any_replaced());
    CHECK(log.repairs() == repairs);
    log.mark_restored(0, pages);
    CHECK(differences(log, std::vector<FaultKind>(pages, FaultKind::none)) == 0);
    log.free_memory();
    CHECK_FALSE(log.any_replaced());
  }
}

TEST_CASE("fault_log: counts the repairs of all logs that are in use") {
  const size_t before = FaultLog::all_repairs();
  FaultLog one;
  FaultLog other;
  one.reset(10);
  other.reset(10);
  one.mark_replaced(FaultKind::truncated, 0, 5);
  one.mark_replaced(FaultKind::truncated, 0, 5);
  other.mark_replaced(FaultKind::truncated, 1, 1);
  CHECK(one.repairs() == 2);
  CHECK(FaultLog::all_repairs() == before + 3);
  one.free_memory();
  CHECK(FaultLog::all_repairs() == before + 1);
  other.free_memory();
  CHECK(FaultLog::all_repairs() == before);
}

TEST_CASE("fault_log: a second use of a record begins with no page replaced") {
  FaultLog log;
  log.reset(40);
  log.mark_replaced(FaultKind::truncated, 0, 40);
  log.free_memory();
  log.reset(90);
  CHECK_FALSE(log.any_replaced());
  CHECK(log.repairs() == 0);
  log.mark_replaced(FaultKind::read_only, 89, 1);
  CHECK(log.replaced(89) == FaultKind::read_only);
  CHECK(log.replaced(39) == FaultKind::none);
  log.free_memory();
}

TEST_CASE("fault_log: inherits the faults of another, but not its pages") {
  FaultLog old;
  old.reset(40);
  old.record(FaultKind::truncated, 4096);
  old.record(FaultKind::read_only, 0);
  old.mark_replaced(FaultKind::truncated, 1, 1);
  FaultLog log;
  log.reset(90);
  log.inherit(old);
  CHECK(log.peek() == Fault{FaultKind::truncated, 4096, 2});
  CHECK(log.latest_kind() == FaultKind::read_only);
  CHECK(log.records() == 2);
  CHECK_FALSE(log.any_replaced());
  CHECK(old.replaced(1) == FaultKind::truncated);
  old.free_memory();
}

TEST_CASE("fault_log: threads that mark neighbouring pages of one word do not disturb each other") {
  constexpr size_t kThreads = 4;
  constexpr size_t kPages = 64;
  for (int round = 0; round < 50; ++round) {
    FaultLog log;
    log.reset(kPages);
    std::vector<std::thread> threads;
    for (size_t thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (size_t page = thread; page < kPages; page += kThreads) {
          log.mark_replaced(static_cast<FaultKind>(1 + page % 3), page, 1);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    size_t wrong = 0;
    for (size_t page = 0; page < kPages; ++page) {
      wrong += log.replaced(page) != static_cast<FaultKind>(1 + page % 3);
    }
    CHECK(wrong == 0);
    CHECK(log.repairs() == kPages);
    log.free_memory();
  }
}

TEST_CASE("fault_log: no fault is lost between those who record and one who takes") {
  constexpr uint64_t kThreads = 3;
  constexpr uint64_t kEach = 20'000;
  size_t rounds_with_loss = 0;
  size_t unseen = 0;
  for (int round = 0; round < 10; ++round) {
    FaultLog log;
    log.reset(10);
    std::atomic<uint64_t> finished{0};
    std::vector<std::thread> threads;
    for (uint64_t thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&] {
        for (uint64_t i = 0; i < kEach; ++i) log.record(FaultKind::truncated, 4096);
        ++finished;
      });
    }
    uint64_t taken = 0;
    while (finished < kThreads) taken += log.take().count;
    for (std::thread& thread : threads) thread.join();
    taken += log.take().count;
    // One that is recorded while another is taken may be reported twice, but never not at all.
    rounds_with_loss += taken < kThreads * kEach;
    log.record(FaultKind::read_only, 8192);
    unseen += !(log.take() == Fault{FaultKind::read_only, 8192, 1});
  }
  CHECK(rounds_with_loss == 0);
  CHECK(unseen == 0);
}
