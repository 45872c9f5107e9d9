#include "posix/threads/auto_advice.h"

#include <unistd.h>

#include <cerrno>

#include "posix/calls/remap.h"
#include "support/memory.h"

using posix_mmap::auto_advice_move;
using posix_mmap::auto_advice_start;
using posix_mmap::auto_advice_stop;
using posix_mmap::ReadAheadChoice;
using testing::kPage;
using testing::RegionPtr;
using Mode = ReadAheadChoice::Mode;

namespace {

constexpr uint64_t kAhead = uint64_t{128} << 10;

/// Faults in no order, as they are while the kernel reads around each of them.
Mode scattered(ReadAheadChoice& choice, uint64_t faults) {
  return choice.observe({.faults = faults, .hits = faults, .bytes = faults * kAhead * 3 / 4});
}

/// Most pages are read before anybody asks for them.
Mode ordered(ReadAheadChoice& choice) {
  return choice.observe({.faults = 1, .hits = 16, .bytes = 8 * kAhead});
}

/// Faults where nothing is read ahead.
Mode single(ReadAheadChoice& choice, uint64_t faults) {
  return choice.observe({.faults = faults, .hits = faults, .bytes = faults * kPage});
}

ReadAheadChoice too_large() {
  ReadAheadChoice choice(kAhead);
  choice.set_wanted(true);
  return choice;
}

/// As after faults in no order.
ReadAheadChoice at_random() {
  ReadAheadChoice choice = too_large();
  CHECK(scattered(choice, 4) == Mode::random);
  return choice;
}

/// Observes single pages until there is a trial; how many bytes it took.
uint64_t until_trial(ReadAheadChoice& choice) {
  uint64_t bytes = 0;
  do {
    bytes += 10 * kPage;
    REQUIRE(bytes < 10'000 * kAhead);
  } while (single(choice, 10) != Mode::trial);
  return bytes;
}

}  // namespace

TEST_CASE("auto_advice: faults in no order, of what does not fit, turn read-ahead off") {
  ReadAheadChoice choice = too_large();
  CHECK(scattered(choice, 1) == Mode::ahead);
  CHECK(scattered(choice, 2) == Mode::ahead);
  CHECK(scattered(choice, 1) == Mode::random);
  CHECK(choice.scattered() == 4 * kAhead * 3 / 4);
}

TEST_CASE("auto_advice: what fits is read ahead, and what was read is counted") {
  ReadAheadChoice choice(kAhead);
  for (int i = 0; i < 100; ++i) CHECK(scattered(choice, 8) == Mode::ahead);
  CHECK(choice.scattered() == 100 * 8 * kAhead * 3 / 4);
  choice.set_wanted(true);
  CHECK(scattered(choice, 8) == Mode::random);
  choice.set_wanted(false);
  CHECK(single(choice, 1) == Mode::ahead);
}

TEST_CASE("auto_advice: what is read in order keeps its read-ahead") {
  ReadAheadChoice choice = too_large();
  for (int i = 0; i < 1000; ++i) CHECK(ordered(choice) == Mode::ahead);
  // Some faults in between are those of another mapping, or of the program's code.
  for (int i = 0; i < 1000; ++i) {
    CHECK(ordered(choice) == Mode::ahead);
    CHECK(scattered(choice, 2) == Mode::ahead);
  }
  CHECK(choice.scattered() == 0);
}

TEST_CASE("auto_advice: in order where pages go before they are looked at") {
  // Of a device that reads 8 MiB ahead: a fault for each, and one for each sixteen pages of it.
  constexpr uint64_t kFar = uint64_t{8} << 20;
  ReadAheadChoice choice(kFar);
  choice.set_wanted(true);
  const uint64_t hits = kFar / (16 * kPage);
  for (int i = 0; i < 1000; ++i) {
    CHECK(choice.observe({.faults = 1, .hits = hits, .bytes = kFar}) == Mode::ahead);
  }
  CHECK(choice.observe({.faults = 40, .hits = 40, .bytes = 30 * kFar}) == Mode::random);
}

TEST_CASE("auto_advice: few faults long ago say nothing of those of today") {
  ReadAheadChoice choice = too_large();
  CHECK(scattered(choice, 3) == Mode::ahead);
  for (int i = 0; i < 20; ++i) choice.observe({});
  CHECK(scattered(choice, 3) == Mode::ahead);
  // A slow program is one as well.
  for (int i = 0; i < 8; ++i) choice.observe({});
  CHECK(scattered(choice, 1) == Mode::random);
}

TEST_CASE("auto_advice: trials cost a twentieth, and end at once") {
  ReadAheadChoice choice = at_random();
  uint64_t single_bytes = 0;
  uint64_t trial_bytes = 0;
  for (int i = 0; i < 20; ++i) {
    single_bytes += until_trial(choice);
    const uint64_t faults = i % 2 == 0 ? 4 : 100;  // the thread may look late
    CHECK(scattered(choice, faults) == Mode::random);
    trial_bytes += faults * kAhead * 3 / 4;
  }
  // What the last one has cost is paid before the next.
  single_bytes += until_trial(choice);
  CHECK(trial_bytes * 19 < single_bytes);
}

TEST_CASE("auto_advice: a trial finds what is read in order") {
  ReadAheadChoice choice = at_random();
  until_trial(choice);
  CHECK(choice.observe({.faults = 1, .hits = 0, .bytes = kAhead}) == Mode::trial);
  CHECK(choice.observe({.faults = 0, .hits = 0, .bytes = 20 * kAhead}) == Mode::ahead);
  CHECK(ordered(choice) == Mode::ahead);
}

TEST_CASE(
    "auto_advice: does not keep a region, follows it, and leaves memory without a file alone") {
  const testing::Descriptor file = testing::memfd(4 * kPage);
  RegionPtr region = testing::map_file(file.get(), 4 * kPage);
  CHECK(auto_advice_start(*region, 0) == 0);
  CHECK(auto_advice_start(*region, 0) == 0);
  RegionPtr moved;
  testing::resize(file.get(), 8 * kPage);
  REQUIRE(posix_mmap::remap_region(*region, 8 * kPage, moved) == 0);
  auto_advice_move(*region, *moved);
  auto_advice_move(*region, *moved);
  const size_t before = posix_mmap::live_regions();
  region.reset();
  auto_advice_stop(*moved);
  auto_advice_stop(*moved);
  CHECK(auto_advice_start(*moved, 1) == 0);
  moved.reset();
  // The thread may be at it just now.
  for (int i = 0; i < 500 && posix_mmap::live_regions() > before - 2; ++i) usleep(10'000);
  CHECK(posix_mmap::live_regions() == before - 2);
  const RegionPtr anonymous = testing::map_anonymous(kPage);
  CHECK(auto_advice_start(*anonymous, 0) == -EINVAL);
}
