// Everything at random on several threads for a few seconds, against a model of each page.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "posix/calls/discard.h"
#include "posix/calls/protection.h"
#include "posix/content/transfer.h"
#include "support/memory.h"

using testing::data;
using testing::Descriptor;
using testing::FaultKind;
using testing::kPage;
using testing::kReadWrite;
using testing::page;
using testing::RegionPtr;

namespace {

constexpr size_t kMost = 12;     // pages of a region
constexpr int kOperations = 50;  // in its life: fewer than it takes until repairs grow to blocks

/// What is known of a page: its first and its last word.
struct Page {
  std::array<uint64_t, 2> file{};
  std::array<uint64_t, 2> own{};  // where a private page stands before the file
  bool replaced = false;
  int prot = kReadWrite;
};

/// One region and what it must show. Each is one thread's alone.
class Life {
 public:
  explicit Life(std::mt19937_64& random)
      : random_(random),
        count_(1 + random() % kMost),
        length_(count_),
        file_(testing::memfd(count_ * kPage)),
        region_(testing::map_file(file_.get(), count_ * kPage)) {}

  /// How much of it went wrong.
  size_t run() {
    for (int i = 0; i < kOperations; ++i) step();
    for (size_t index = 0; index < count_; ++index) look(index);
    return wrong_;
  }

 private:
  void step() {
    const size_t index = random_() % count_;
    switch (random_() % 8) {
      case 0:
        return resize(random_() % (count_ + 1));
      case 1:
        return protect(index, 1 + random_() % (count_ - index));
      case 2:
        return look(index);
      case 3:
        return punch(index, 1 + random_() % (count_ - index));
      case 4:
        return copy_out(index, 1 + random_() % (count_ - index));
      case 5:
        return copy_in(index);
      default:
        return change(index, random_() % 2, random_());
    }
  }

  void resize(size_t pages) {
    testing::resize(file_.get(), pages * kPage);
    for (size_t index = pages; index < count_; ++index) pages_[index].file = {};
    length_ = pages;
  }

  void protect(size_t first, size_t count) {
    constexpr std::array kProts{PROT_NONE, PROT_READ, kReadWrite, kReadWrite};
    const int prot = kProts[random_() % kProts.size()];
    wrong_ += posix_mmap::protect(*region_, first * kPage, count * kPage, prot) != 0;
    for (size_t index = first; index < first + count; ++index) pages_[index].prot = prot;
  }

  bool in_file(size_t index) const { return index < length_; }
  bool readable(size_t index) const {
    return pages_[index].prot != PROT_NONE && (pages_[index].replaced || in_file(index));
  }
  std::array<uint64_t, 2>& shown(size_t index) {
    return pages_[index].replaced ? pages_[index].own : pages_[index].file;
  }
  /// The page as a fault leaves it.
  void replace(size_t index, bool keep) {
    const auto words = keep ? shown(index) : std::array<uint64_t, 2>{};
    pages_[index] = {pages_[index].file, words, true, kReadWrite};
  }

  std::byte* word(size_t index, size_t which) {
    return page(region_, index) + which * (kPage - sizeof(uint64_t));
  }

  void look(size_t index) {
    if (!readable(index)) replace(index, false);
    for (const size_t which : {0, 1}) {
      wrong_ += testing::load_word(word(index, which)) != shown(index)[which];
    }
    expect_log(index);
  }

  void change(size_t index, size_t which, uint64_t value) {
    // A page that is both beyond the end and read-only is answered as either; it is zero in both.
    if (!readable(index)) {
      replace(index, false);
    } else if (pages_[index].prot == PROT_READ) {
      replace(index, true);
    }
    testing::store_word(word(index, which), value);
    shown(index)[which] = value;
    expect_log(index);
    look(index);
    uint64_t on_disk = 0;
    if (!in_file(index)) return;
    const testing::Bytes bytes = testing::file_bytes(
        file_.get(), static_cast<uint64_t>(word(index, which) - data(region_)), sizeof(on_disk));
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::byte*>(&on_disk));
    wrong_ += on_disk != pages_[index].file[which];
  }

  void expect_log(size_t index) {
    wrong_ += (region_->faults().replaced(index) != FaultKind::none) != pages_[index].replaced;
  }

  bool range_is(size_t first, size_t count, auto condition) const {
    for (size_t index = first; index < first + count; ++index) {
      if (!condition(pages_[index], index)) return false;
    }
    return true;
  }

  void punch(size_t first, size_t count) {
    // Elsewhere it may be refused or done in part; the model does not say how much.
    if (!range_is(first, count, [&](const Page& each, size_t index) {
          return !each.replaced && each.prot == kReadWrite && in_file(index);
        })) {
      return;
    }
    wrong_ += posix_mmap::punch_hole(*region_, first * kPage, count * kPage) != 0;
    for (size_t index = first; index < first + count; ++index) pages_[index].file = {};
  }

  void copy_out(size_t first, size_t count) {
    const bool whole = range_is(first, count, [&](const Page& each, size_t index) {
      return !each.replaced && each.prot != PROT_NONE && in_file(index);
    });
    testing::Bytes bytes(count * kPage);
    const auto fault = posix_mmap::copy_out(*region_, first * kPage, bytes.size(), bytes.data());
    wrong_ += (fault.kind == FaultKind::none) != whole;
    for (size_t index = first; whole && index < first + count; ++index) {
      wrong_ += testing::load_word(bytes.data() + (index - first) * kPage) != shown(index)[0];
    }
  }

  void copy_in(size_t index) {
    const bool whole =
        !pages_[index].replaced && pages_[index].prot == kReadWrite && in_file(index);
    const uint64_t value = random_();
    const auto* const source = reinterpret_cast<const std::byte*>(&value);
    const auto fault = posix_mmap::copy_in(*region_, index * kPage, sizeof(value), source);
    wrong_ += (fault.kind == FaultKind::none) != whole;
    if (whole) pages_[index].file[0] = value;
  }

  std::mt19937_64& random_;
  size_t count_;
  size_t length_;  // of the file, in pages
  Descriptor file_;
  RegionPtr region_;
  std::array<Page, kMost> pages_{};
  size_t wrong_ = 0;
};

}  // namespace

TEST_CASE("soak: whatever happens to a file, each page shows what it has to") {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(1'500);
  const size_t live = posix_mmap::live_regions();
  std::atomic<size_t> wrong{0};
  std::atomic<uint64_t> lives{0};
  std::vector<std::thread> threads;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      while (std::chrono::steady_clock::now() < deadline) {
        wrong += Life(random).run();
        ++lives;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(lives > 100);
  CHECK(posix_mmap::live_regions() == live);
}
