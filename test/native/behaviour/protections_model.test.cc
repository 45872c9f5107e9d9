// Random calls that protect, guard and move pages, and accesses in between, against a model that
// knows of each page what the kernel must do.
#include <array>
#include <random>
#include <string>
#include <vector>

#include "posix/calls/advice.h"
#include "posix/calls/guard_pages.h"
#include "posix/calls/protection.h"
#include "posix/calls/remap.h"
#include "posix/kernel_constants.h"
#include "support/memory.h"

using testing::FaultKind;
using testing::kPage;
using testing::kReadWrite;
using testing::page;
using testing::RegionPtr;

namespace {

enum class Memory { anonymous, shared, copied };

struct Page {
  int set = kReadWrite;     ///< by protect()
  int actual = kReadWrite;  ///< more after a repair
  bool guard = false;
  bool own = false;  ///< no page of the file any more
  uint64_t value = 0;
  uint64_t file = 0;
  FaultKind replaced = FaultKind::none;
};

class Model {
 public:
  Model(Memory memory, size_t pages) : memory_(memory), pages_(pages) {
    for (size_t index = 0; index < pages; ++index) {
      if (memory != Memory::anonymous) pages_[index].value = pages_[index].file = index + 1;
    }
  }

  size_t size() const { return pages_.size(); }
  const Page& at(size_t index) const { return pages_[index]; }

  FaultKind access(size_t index, bool store) {
    Page& page = pages_[index];
    const int needed = store ? PROT_WRITE : PROT_READ;
    FaultKind kind = FaultKind::none;
    if ((page.actual & needed) == 0) {
      const bool readable = (page.actual & PROT_READ) != 0 && !page.guard;
      kind = readable ? FaultKind::read_only : FaultKind::no_access;
    } else if (page.guard) {
      kind = FaultKind::no_access;
    }
    if (kind == FaultKind::none) return kind;
    const bool opens = (page.actual & needed) == 0 || memory_ == Memory::shared ||
                       (memory_ == Memory::copied && (page.actual & PROT_WRITE) == 0);
    if (kind == FaultKind::no_access) page.value = 0;
    // A private page of a file would go with the end of the file.
    if (memory_ == Memory::shared || (memory_ == Memory::copied && kind == FaultKind::no_access)) {
      page.own = true;
    }
    if (opens) page.actual = kReadWrite;
    page.guard = false;
    page.replaced = kind;
    return kind;
  }

  void store(size_t index, uint64_t value) {
    Page& page = pages_[index];
    page.value = value;
    if (memory_ == Memory::shared && !page.own) page.file = value;
  }

  void protect(size_t first, size_t last, int prot) {
    for (; first < last; ++first) pages_[first].set = pages_[first].actual = prot;
  }

  void guard(size_t first, size_t last) {
    for (; first < last; ++first) {
      Page& page = pages_[first];
      if (page.guard) continue;
      page.guard = true;
      // What was private in it is lost.
      if (memory_ == Memory::copied && !page.own) page.value = page.file;
      if (memory_ == Memory::anonymous || page.own) page.value = 0;
    }
  }

  void lift(size_t first, size_t last) {
    for (; first < last; ++first) pages_[first].guard = false;
  }

  bool can_move() const {
    return memory_ == Memory::anonymous ||
           (memory_ == Memory::shared && pages_[0].replaced == FaultKind::none);
  }

  void move(size_t pages) {
    const Page last = pages_.back();
    const size_t before = pages_.size();
    pages_.resize(pages);
    for (size_t index = before; index < pages; ++index) {
      pages_[index].set = pages_[index].actual = last.set;
      if (memory_ == Memory::shared) pages_[index].value = pages_[index].file = files_[index];
    }
    if (memory_ != Memory::shared) return;
    for (Page& page : pages_) {
      page.own = false;
      page.value = page.file;
      page.actual = page.set;
      page.replaced = FaultKind::none;
    }
  }

  /// What the file has where the mapping does not reach.
  void remember() {
    files_.resize(std::max(files_.size(), pages_.size()));
    for (size_t index = 0; index < pages_.size(); ++index) files_[index] = pages_[index].file;
  }
  void file_is(std::vector<uint64_t> values) { files_ = std::move(values); }

 private:
  Memory memory_;
  std::vector<Page> pages_;
  std::vector<uint64_t> files_;
};

/// How often the kernel and the model differ in a run of random steps; few enough that no repair
/// takes neighbours along.
size_t differences(Memory memory, uint32_t seed, bool guards, std::vector<std::string>& story) {
  constexpr size_t kMost = 16;
  std::mt19937 random(seed);
  const size_t pages = 2 + random() % 8;
  const testing::Descriptor file = testing::memfd(kMost * kPage);
  std::vector<uint64_t> content;
  {
    const RegionPtr whole = testing::map_file(file.get(), kMost * kPage);
    for (size_t index = 0; index < kMost; ++index) {
      testing::store_word(page(whole, index), index + 1);
      content.push_back(index + 1);
    }
  }
  RegionPtr region;
  if (memory == Memory::anonymous) {
    region = testing::map_anonymous(pages * kPage);
  } else {
    const int flags = memory == Memory::shared ? MAP_SHARED : MAP_PRIVATE;
    region = testing::map_file(file.get(), pages * kPage, kReadWrite, flags);
  }
  Model model(memory, pages);
  model.file_is(content);
  size_t wrong = 0;
  for (int step = 0; step < 60; ++step) {
    const size_t first = random() % model.size();
    const size_t last = first + 1 + random() % (model.size() - first);
    const uint32_t choice = random() % 16;
    const uint64_t offset = first * kPage;
    const uint64_t length = (last - first) * kPage;
    story.push_back(std::to_string(choice) + " " + std::to_string(first) + "-" +
                    std::to_string(last));
    if (choice < 3) {
      const int prot = std::array<int, 3>{PROT_NONE, PROT_READ, kReadWrite}[random() % 3];
      story.back() += " protect " + std::to_string(prot);
      wrong += posix_mmap::protect(*region, offset, length, prot) != 0;
      model.protect(first, last, prot);
    } else if (choice < 5 && guards) {
      story.back() += " guard";
      wrong += posix_mmap::install_guard(*region, offset, length) != 0;
      model.guard(first, last);
    } else if (choice < 7 && guards) {
      story.back() += " lift";
      wrong += posix_mmap::remove_guard(*region, offset, length) != 0;
      model.lift(first, last);
    } else if (choice < 8) {
      const size_t wanted = 1 + random() % kMost;
      story.back() += " move " + std::to_string(wanted);
      RegionPtr moved;
      model.remember();
      const int result = posix_mmap::remap_region(*region, wanted * kPage, moved);
      wrong += (result == 0) != model.can_move();
      if (result != 0) continue;
      region = std::move(moved);
      model.move(wanted);
    } else {
      const bool store = choice % 2 == 0;
      std::byte* const word = page(region, first);
      const FaultKind expected = model.access(first, store);
      story.back() += store ? " store" : " load";
      if (store) {
        model.store(first, 1'000U + static_cast<uint64_t>(step));
        testing::store_word(word, model.at(first).value);
      } else {
        wrong += testing::load_word(word) != model.at(first).value;
      }
      const testing::Fault fault = region->faults().take();
      wrong += fault.kind != expected;
      wrong += fault.kind != FaultKind::none && fault.offset != offset;
    }
    for (size_t index = 0; index < model.size(); ++index) {
      wrong += region->faults().replaced(index) != model.at(index).replaced;
    }
    const int uniform = region->uniform_protection();
    bool alike = true;
    for (size_t index = 1; index < model.size(); ++index) {
      alike = alike && model.at(index).set == model.at(0).set;
    }
    wrong += uniform != (alike ? model.at(0).set : posix_mmap::Region::kMixed);
    if (wrong > 0) return wrong;
  }
  return wrong;
}

}  // namespace

TEST_CASE("protections: faults, contents and moves are what a model of each page says") {
  const bool guards = posix_mmap::advice_supported(MADV_GUARD_INSTALL);
  for (const Memory memory : {Memory::anonymous, Memory::shared, Memory::copied}) {
    const testing::Descriptor file = testing::memfd(kPage);
    const RegionPtr probe = testing::map_file(file.get(), kPage);
    const bool works =
        guards && (memory == Memory::anonymous || posix_mmap::install_guard(*probe, 0, kPage) == 0);
    for (uint32_t seed = 0; seed < 300; ++seed) {
      std::vector<std::string> story;
      const size_t wrong = differences(memory, seed, works, story);
      if (wrong == 0) continue;
      std::string all;
      for (const std::string& line : story) all += line + "\n";
      FAIL("memory " << static_cast<int>(memory) << ", seed " << seed << ", " << wrong << "\n"
                     << all);
    }
  }
}
