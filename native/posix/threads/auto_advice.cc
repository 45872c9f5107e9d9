#include "posix/threads/auto_advice.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <utility>
#include <vector>

#include "posix/calls/advice.h"
#include "posix/condition.h"
#include "posix/detached_thread.h"
#include "posix/files/kernel_file.h"

namespace posix_mmap {
namespace {

using std::chrono::milliseconds;
using Mode = ReadAheadChoice::Mode;

/// Of most devices.
constexpr uint64_t kUsualReadAhead = uint64_t{128} << 10;

/// How often the thread looks: while faults wait for a disk, while there are none, and while each
/// fault may cost as much as a thousand of the others.
constexpr milliseconds kRandom(20);
constexpr milliseconds kIdle(100);
constexpr milliseconds kAhead(5);
constexpr milliseconds kTrial(1);

using Usage = ReadAheadChoice::Usage;

Usage usage_now() noexcept {
  constexpr uint64_t kBlock = 512;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {.faults = static_cast<uint64_t>(usage.ru_majflt),
          .hits = static_cast<uint64_t>(usage.ru_minflt),
          .bytes = static_cast<uint64_t>(usage.ru_inblock) * kBlock};
}

/// In bytes, of the device of a file.
uint64_t read_ahead_of(uint64_t device) noexcept {
  // A file system has its own number there; a partition has that of its disk.
  for (const char* const form :
       {"/sys/class/bdi/%u:%u/read_ahead_kb", "/sys/dev/block/%u:%u/../queue/read_ahead_kb"}) {
    std::array<char, 64> path;
    std::snprintf(path.data(), path.size(), form, major(device), minor(device));
    const uint64_t kibibytes = read_kernel_number(path.data(), 0);
    if (kibibytes > 0) return kibibytes << 10;
  }
  return kUsualReadAhead;
}

struct Advised {
  uint64_t token;
  uint64_t length;
  uint64_t room;
  uint64_t read_ahead;
  bool fits;
  uint64_t scattered_before;  ///< when it was added
  bool random = false;        ///< what it has now
};

class Advisor {
 public:
  /// Never destroyed, because its thread may still run while the process ends.
  static Advisor& instance() noexcept {
    static Advisor& only = *new Advisor();
    return only;
  }

  int add(Region& region, uint64_t room) noexcept {
    const uint64_t length = region.extent().mapped_length;
    const uint64_t token = region.issue_token();
    const uint64_t read_ahead = read_ahead_of(region.file().identity().device);
    const std::lock_guard<std::mutex> lock(mutex_);
    forget(token);
    if (!running_) {
      last_ = usage_now();
      choice_ = ReadAheadChoice(read_ahead);
      const auto serve = [](void* self) -> void* {
        static_cast<Advisor*>(self)->serve();
        return nullptr;
      };
      const int error = start_detached_thread(serve, this);
      if (error != 0) return -error;
      running_ = true;
    }
    advised_.push_back({.token = token,
                        .length = length,
                        .room = room,
                        .read_ahead = read_ahead,
                        .fits = length <= room,
                        .scattered_before = choice_.scattered()});
    still_ = 0;
    wake_.notify_one();
    return 0;
  }

  void remove(const Region& region) noexcept {
    const std::lock_guard<std::mutex> lock(mutex_);
    forget(region.serial());
  }

  void move(const Region& older, Region& region) noexcept {
    uint64_t room = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const auto found = std::ranges::find(advised_, older.serial(), &Advised::token);
      if (found == advised_.end()) return;
      room = found->room;
    }
    // Its thread runs, and the pages have the advice of those before them.
    add(region, room);
    remove(older);
  }

 private:
  void forget(uint64_t token) noexcept {
    std::erase_if(advised_, [=](const Advised& each) { return each.token == token; });
  }

  void serve() noexcept {
    std::unique_lock<std::mutex> lock(mutex_);
    milliseconds pause = kAhead;
    while (!advised_.empty()) {
      wake_.wait_for(lock, pause);
      pause = look();
    }
    running_ = false;
  }

  milliseconds look() noexcept {
    const Usage now = usage_now();
    const Usage before = std::exchange(last_, now);
    uint64_t read_ahead = 0;
    bool wanted = false;
    for (Advised& each : advised_) {
      each.fits = each.fits && choice_.scattered() - each.scattered_before <= each.length;
      read_ahead = std::max(read_ahead, each.read_ahead);
      wanted = wanted || !each.fits;
    }
    if (read_ahead > 0) choice_.set_read_ahead(read_ahead);
    choice_.set_wanted(wanted);
    const Usage since{.faults = now.faults - before.faults,
                      .hits = now.hits - before.hits,
                      .bytes = now.bytes - before.bytes};
    const Mode mode = choice_.observe(since);
    std::erase_if(advised_, [=](Advised& each) { return !advise_one(each, mode); });
    if (mode == Mode::trial) return kTrial;
    if (mode == Mode::random && since.faults > 0) return kRandom;
    // The first faults after a pause cost the most, and a short one is none.
    constexpr int kShortPause = 20;
    still_ = since.faults == 0 ? std::min(still_ + 1, kShortPause) : 0;
    return still_ < kShortPause ? kAhead : kIdle;
  }

  /// False when nobody has the mapping any more.
  static bool advise_one(Advised& each, Mode mode) noexcept {
    const bool random = mode == Mode::random && !each.fits;
    const RegionUser region = RegionUser::of_token(each.token);
    if (!region) return false;
    if (random == each.random) return true;
    const int advice = random ? MADV_RANDOM : MADV_NORMAL;
    if (advise(*region, 0, region->extent().byte_length, advice) == 0) each.random = random;
    return true;
  }

  std::mutex mutex_;
  Condition wake_;
  std::vector<Advised> advised_;
  ReadAheadChoice choice_{kUsualReadAhead};
  Usage last_{};
  int still_ = 0;  ///< looks without a fault
  bool running_ = false;
};

}  // namespace

bool ReadAheadChoice::in_no_order() const noexcept {
  // Each fault has the kernel read around itself, and nothing more; pages in order are read ahead
  // of the faults, which bring four times as much and more.
  if (sum_.bytes > sum_.faults * read_ahead_ * 3 / 2) return false;
  // Where memory is so scarce that pages go before they are looked at, there are as many faults;
  // but in order most of what each has brought is looked at, sixteen pages in one fault.
  const uint64_t in_order = read_ahead_ / (16 * page_size());
  return sum_.hits <= sum_.faults * std::max<uint64_t>(4, in_order / 4);
}

void ReadAheadChoice::enter(Mode mode) noexcept {
  mode_ = mode;
  sum_ = {};
}

Mode ReadAheadChoice::observe(const Usage& since) noexcept {
  constexpr uint64_t kEnoughFaults = 4;
  constexpr uint64_t kTrialShare = 20;
  constexpr int kLongQuiet = 10;
  sum_.faults += since.faults;
  sum_.hits += since.hits;
  sum_.bytes += since.bytes;
  quiet_ = since.faults == 0 ? quiet_ + 1 : 0;
  switch (mode_) {
    case Mode::ahead:
      // The next faults may be of something else.
      if (quiet_ >= kLongQuiet) enter(Mode::ahead);
      if (sum_.faults < kEnoughFaults) break;
      if (in_no_order()) scattered_ += sum_.bytes;
      trial_bytes_ = sum_.bytes;
      enter(in_no_order() && wanted_ ? Mode::random : Mode::ahead);
      break;
    case Mode::random:
      if (!wanted_) {
        enter(Mode::ahead);
      } else if (sum_.bytes > kTrialShare * std::max(trial_bytes_, kEnoughFaults * read_ahead_)) {
        enter(Mode::trial);
      }
      break;
    case Mode::trial:
      if (sum_.faults < kEnoughFaults && sum_.bytes < 4 * kEnoughFaults * read_ahead_) break;
      trial_bytes_ = sum_.bytes;
      enter(in_no_order() ? Mode::random : Mode::ahead);
      break;
  }
  return mode_;
}

int auto_advice_start(Region& region, uint64_t room) noexcept {
  if (region.anonymous()) return -EINVAL;
  // What it was given before would stay where nothing is to be changed.
  const int refused = advise(region, 0, region.extent().byte_length, MADV_NORMAL);
  if (refused != 0) return refused;
  return Advisor::instance().add(region, room);
}

void auto_advice_move(const Region& older, Region& region) noexcept {
  Advisor::instance().move(older, region);
}

void auto_advice_stop(const Region& region) noexcept { Advisor::instance().remove(region); }

}  // namespace posix_mmap
