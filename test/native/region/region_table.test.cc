#include "posix/region/region_table.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <map>
#include <random>
#include <thread>

#include "support/memory.h"
#include "support/variant.h"

using posix_mmap::region_table_erase;
using posix_mmap::region_table_find;
using posix_mmap::region_table_insert;
using testing::kPage;
using testing::Region;

namespace {

constexpr uint64_t kTebibyte = uint64_t{1} << 40;
// TSan lets a program have only some 6 TiB of addresses.
constexpr uint64_t kMost = (testing::kThreadSanitizer ? 2 : 32) * kTebibyte;

std::byte* at(uint64_t address) { return reinterpret_cast<std::byte*>(address); }
uint64_t number(const void* address) { return reinterpret_cast<uintptr_t>(address); }
/// The table only hands these back.
Region* token(uint64_t id) { return reinterpret_cast<Region*>((id + 1) * 64); }

struct Entry {
  uint64_t length = 0;
  Region* region = nullptr;
};

/// What the table ought to say, from the ordered map that everybody trusts.
class Model {
 public:
  bool fits(uint64_t base, uint64_t length) const {
    const auto next = entries_.lower_bound(base);
    if (next != entries_.end() && next->first < base + length) return false;
    return next == entries_.begin() ||
           std::prev(next)->first + std::prev(next)->second.length <= base;
  }
  Region* find(uint64_t address) const {
    auto next = entries_.upper_bound(address);
    if (next == entries_.begin()) return nullptr;
    --next;
    return address - next->first < next->second.length ? next->second.region : nullptr;
  }
  bool insert(uint64_t base, uint64_t length, Region* region) {
    entries_[base] = {length, region};
    return region_table_insert(at(base), length, region) == 0;
  }
  Entry erase(uint64_t base) {
    const Entry entry = entries_.at(base);
    entries_.erase(base);
    region_table_erase(at(base), entry.length);
    return entry;
  }
  uint64_t any(std::mt19937_64& random) const {
    const auto index = static_cast<std::ptrdiff_t>(random() % entries_.size());
    return std::next(entries_.begin(), index)->first;
  }
  /// How many answers around and inside `base … base + length` are wrong.
  size_t errors(uint64_t base, uint64_t length, std::mt19937_64& random) const {
    size_t wrong = 0;
    for (const uint64_t address : {base - 1, base, base + length / 2, base + random() % length,
                                   base + length - 1, base + length}) {
      wrong += region_table_find(at(address)) != find(address);
    }
    return wrong;
  }
  const std::map<uint64_t, Entry>& entries() const { return entries_; }

 private:
  std::map<uint64_t, Entry> entries_;
};

}  // namespace

TEST_CASE("region_table: thousands of reservations from one page to 1 TiB, as std::map has them") {
  std::mt19937_64 random(2);
  Model model;
  uint64_t reserved = 0;
  uint64_t most = 0;
  size_t wrong = 0;
  for (uint64_t round = 0; round < 6'000; ++round) {
    const bool insert = model.entries().size() < 20 || random() % 5 < 3;
    if (insert) {
      const uint64_t pages = (kTebibyte / kPage) >> (random() % 29);
      const uint64_t length = (1 + random() % pages) * kPage;
      if (reserved + length > kMost) continue;
      void* const base =
          mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      REQUIRE(base != MAP_FAILED);
      reserved += length;
      most = std::max(most, reserved);
      wrong += !model.insert(number(base), length, token(round));
      wrong += model.errors(number(base), length, random);
    } else {
      const uint64_t base = model.any(random);
      const uint64_t length = model.erase(base).length;
      wrong += model.errors(base, length, random);
      munmap(at(base), length);
      reserved -= length;
    }
  }
  for (const auto& [base, entry] : model.entries()) {
    wrong += model.errors(base, entry.length, random);
  }
  CHECK(wrong == 0);
  CHECK(most > kMost / 4);
  while (!model.entries().empty()) {
    const uint64_t base = model.entries().begin()->first;
    munmap(at(base), model.erase(base).length);
    wrong += region_table_find(at(base)) != nullptr;
  }
  CHECK(wrong == 0);
}

TEST_CASE("region_table: ranges that begin and end around the spans of its levels") {
  // Addresses that mmap(2) does not give out by itself, so nothing of the process is in the way.
  constexpr uint64_t kFloor = uint64_t{1} << 40;
  std::mt19937_64 random(3);
  Model model;
  size_t wrong = 0;
  size_t made = 0;
  for (uint64_t round = 0; round < 4'000; ++round) {
    const auto edge = [&](uint64_t spans) {
      const uint64_t span = kPage << (9 * (random() % 4));
      const uint64_t near = (random() % 3) * kPage;
      return (random() % spans) * span + near;
    };
    const uint64_t base = kFloor + edge(5);
    const uint64_t length = kPage + edge(3);
    if (model.fits(base, length)) {
      ++made;
      wrong += !model.insert(base, length, token(round));
      wrong += model.errors(base, length, random);
    } else if (!model.entries().empty()) {
      const uint64_t other = model.any(random);
      const uint64_t other_length = model.erase(other).length;
      wrong += model.errors(other, other_length, random);
    }
  }
  CHECK(wrong == 0);
  CHECK(made > 500);
  while (!model.entries().empty()) model.erase(model.entries().begin()->first);
  for (const uint64_t address :
       {kFloor, kFloor + kPage, kFloor + (kPage << 9), kFloor + (kPage << 27)}) {
    CHECK(region_table_find(at(address)) == nullptr);
  }
}

TEST_CASE("region_table: ends where user addresses end, at 2**48") {
  constexpr uint64_t kEnd = uint64_t{1} << 48;
  CHECK(region_table_insert(at(kEnd - 2 * kPage), 2 * kPage, token(1)) == 0);
  CHECK(region_table_find(at(kEnd - 2 * kPage - 1)) == nullptr);
  CHECK(region_table_find(at(kEnd - 2 * kPage)) == token(1));
  CHECK(region_table_find(at(kEnd - 1)) == token(1));
  CHECK(region_table_find(at(kEnd)) == nullptr);
  // Must not be taken for low addresses whose bits they share.
  CHECK(region_table_find(at(kEnd + kEnd - 1)) == nullptr);
  CHECK(region_table_find(at(UINT64_MAX)) == nullptr);
  CHECK(region_table_insert(at(kEnd - kPage), 2 * kPage, token(2)) == -EOPNOTSUPP);
  CHECK(region_table_insert(at(kEnd), kPage, token(2)) == -EOPNOTSUPP);
  CHECK(region_table_find(at(kEnd - 1)) == token(1));
  region_table_erase(at(kEnd - 2 * kPage), 2 * kPage);
  CHECK(region_table_find(at(kEnd - 1)) == nullptr);
  CHECK(region_table_find(nullptr) == nullptr);
}

TEST_CASE("region_table: a reader always finds its own region while neighbours come and go") {
  constexpr uint64_t kFloor = (uint64_t{1} << 40) + (uint64_t{1} << 39);
  const uint64_t span = kPage << 9;
  const uint64_t own = kFloor + span + kPage;
  REQUIRE(region_table_insert(at(own), kPage, token(0)) == 0);
  std::atomic<bool> done{false};
  std::atomic<size_t> wrong{0};
  std::vector<std::thread> threads;
  for (uint64_t writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&, writer] {
      // One side each, with ranges that are an entry of an upper level and ranges that are not.
      const uint64_t base = writer == 0 ? kFloor : own + kPage;
      const uint64_t length = writer == 0 ? span + kPage : 2 * span - 2 * kPage;
      for (int round = 0; round < 20'000; ++round) {
        wrong += region_table_insert(at(base), length, token(writer + 1)) != 0;
        wrong += region_table_find(at(base + length - 1)) != token(writer + 1);
        region_table_erase(at(base), length);
        wrong += region_table_find(at(base)) != nullptr;
      }
    });
  }
  std::thread reader([&] {
    while (!done) {
      wrong += region_table_find(at(own)) != token(0);
      wrong += region_table_find(at(own + kPage - 1)) != token(0);
      Region* const left = region_table_find(at(own - 1));
      Region* const right = region_table_find(at(own + kPage));
      wrong += left != nullptr && left != token(1);
      wrong += right != nullptr && right != token(2);
    }
  });
  for (std::thread& thread : threads) thread.join();
  done = true;
  reader.join();
  region_table_erase(at(own), kPage);
  CHECK(wrong == 0);
}

TEST_CASE("region_table: takes no more memory for addresses that change than for those in use") {
  const auto resident = [] {
    long pages = 0;
    long ignored = 0;
    FILE* const file = std::fopen("/proc/self/statm", "r");
    REQUIRE(std::fscanf(file, "%ld %ld", &ignored, &pages) == 2);
    std::fclose(file);
    return static_cast<uint64_t>(pages) * kPage;
  };
  const uint64_t before = resident();
  size_t wrong = 0;
  // Each takes nodes of its own, of 8 KiB and more: together they would be a gigabyte.
  const uint64_t step = kMost / 40'000 / kPage * kPage;
  for (uint64_t place = 1; place < 40'000; ++place) {
    std::byte* const base = at(place * step);
    wrong += region_table_insert(base, kPage, token(place)) != 0;
    wrong += region_table_find(base) != token(place);
    region_table_erase(base, kPage);
    wrong += region_table_find(base) != nullptr;
  }
  CHECK(wrong == 0);
  CHECK(resident() < before + (uint64_t{32} << 20));
}

TEST_CASE("region_table: a reader finds its own region while nodes go and come elsewhere") {
  std::atomic<bool> stop{false};
  std::atomic<size_t> wrong{0};
  const auto place = [](uint64_t number) {
    return at((uint64_t{1} << 40) + number * (size_t{1} << 31));
  };
  std::vector<std::thread> readers;
  for (uint64_t reader = 0; reader < 2; ++reader) {
    // In turn the only one in its nodes, and one of many.
    REQUIRE(region_table_insert(place(reader), kPage, token(reader)) == 0);
    readers.emplace_back([&, reader] {
      while (!stop) {
        wrong += region_table_find(place(reader)) != token(reader);
        for (uint64_t other = 2; other < 6; ++other) {
          const Region* const found = region_table_find(place(other));
          wrong += found != nullptr && found != token(other);
        }
      }
    });
  }
  for (int round = 0; round < 20'000; ++round) {
    for (uint64_t other = 2; other < 6; ++other) {
      const uint64_t length = (other % 2 == 0 ? 1 : 700) * kPage;
      wrong += region_table_insert(place(other), length, token(other)) != 0;
      if (round % 3 == 0) region_table_erase(place(other), length);
    }
    for (uint64_t other = 2; other < 6 && round % 3 != 0; ++other) {
      region_table_erase(place(other), (other % 2 == 0 ? 1 : 700) * kPage);
    }
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  for (uint64_t reader = 0; reader < 2; ++reader) region_table_erase(place(reader), kPage);
  CHECK(wrong == 0);
}
