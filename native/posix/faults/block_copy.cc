#include "posix/faults/block_copy.h"

#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "posix/faults/fault_repair.h"
#include "posix/faults/guarded_copy.h"

namespace posix_mmap {
namespace {

// What a copy costs in memory and time, at most; and the smallest, so that not every fault costs
// one.
constexpr size_t kMostBytes = size_t{64} << 20;
constexpr size_t kLeastPages = 64;

struct Block {
  size_t first = 0;
  size_t last = 0;  ///< exclusive; 0 if there is none
};

/// How many times replaced pages begin in a block.
size_t replaced_runs(const FaultLog& faults, const Block& block) noexcept {
  size_t runs = 0;
  for (size_t page = block.first; page < block.last; ++page) {
    if (faults.first_replaced(page, block.last - 1) == FaultKind::none) break;
    ++runs;
    while (page < block.last && faults.replaced(page) != FaultKind::none) ++page;
  }
  return runs;
}

/// The smallest block around a page that is a VMA of its own already, or that two repairs have cut
/// into five at least: the copy has an end on both sides.
Block choose(const Region& region, size_t index) noexcept {
  const size_t pages = region.pages();
  const size_t most = kMostBytes / page_size();
  for (size_t length = kLeastPages; length <= most; length *= 2) {
    const size_t first = index / length * length;
    const Block block{first, std::min(first + length, pages)};
    const bool whole = block.first == 0 && block.last == pages;
    if (whole || replaced_runs(region.faults(), block) >= 2) return block;
  }
  return {};
}

/// The addresses of the second mapping of the file that is being copied; one at a time.
std::atomic<uintptr_t> source_begin{0};
std::atomic<uintptr_t> source_end{0};
std::atomic<bool> source_taken{false};

/// The file's pages of a region once more, readable whatever the region's own protection is.
class Source {
 public:
  Source(std::byte* pages, size_t length) noexcept : length_(length) {
    while (source_taken.exchange(true, std::memory_order_acquire)) sched_yield();
    // An old length of 0 maps the same pages of the file again.
    void* const again = mremap(pages, 0, length, MREMAP_MAYMOVE);
    if (again == MAP_FAILED) return;
    start_ = static_cast<std::byte*>(again);
    const auto begin = reinterpret_cast<uintptr_t>(again);
    source_begin.store(begin, std::memory_order_release);
    source_end.store(begin + length, std::memory_order_release);
    readable_ = mprotect(again, length, PROT_READ) == 0;
  }
  ~Source() {
    source_end.store(0, std::memory_order_release);
    if (start_ != nullptr) munmap(start_, length_);
    source_taken.store(false, std::memory_order_release);
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  std::byte* start() const noexcept { return readable_ ? start_ : nullptr; }

 private:
  std::byte* start_ = nullptr;
  size_t length_;
  bool readable_ = false;
};

/// Copies a page if there is one; else `to`, which is fresh memory, stays zero.
void copy_page(std::byte* to, const std::byte* from) noexcept {
  if (page_readable(from)) guarded_copy(to, from, page_size());
}

/// Copies the pages of a block but page `omitted`. False if the file's cannot be had.
bool fill(std::byte* copy, const Region& region, const Block& block, size_t omitted) noexcept {
  const size_t size = page_size();
  std::byte* const base = region.extent().base;
  const FaultLog& faults = region.faults();
  size_t own = block.first;
  while (own < block.last && faults.replaced(own) != FaultKind::none) ++own;
  const Source source(base + own * size, std::max<size_t>(block.last - own, 1) * size);
  if (own < block.last && source.start() == nullptr) return false;
  for (size_t page = block.first; page < block.last; ++page) {
    if (page == omitted) continue;
    // A page that was opened by a repair, or replaced, holds what the program has stored since.
    const bool replaced = faults.replaced(page) != FaultKind::none;
    copy_page(copy + (page - block.first) * size,
              replaced ? base + page * size : source.start() + (page - own) * size);
  }
  return true;
}

}  // namespace

bool copy_block(Region& region, FaultKind kind, size_t index, bool keep) noexcept {
  const Block block = choose(region, index);
  if (block.last == 0) return false;
  const size_t length = (block.last - block.first) * page_size();
  std::byte* const start = region.extent().base + block.first * page_size();
  constexpr int kPrivate = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* const copy = mmap(nullptr, length, PROT_READ | PROT_WRITE, kPrivate, -1, 0);
  if (copy == MAP_FAILED) return false;
  const size_t omitted = keep ? block.last : index;
  bool done = fill(static_cast<std::byte*>(copy), region, block, omitted);
  if (done) {
    FaultLog& faults = region.faults();
    faults.mark_replaced(kind, index, 1);
    for (size_t page = block.first; page < block.last; ++page) {
      if (faults.replaced(page) == FaultKind::none) faults.extend_replaced(kind, page, 1);
    }
    region.guards().clear(block.first, block.last - block.first);
    done = mremap(copy, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, start) != MAP_FAILED;
  }
  if (!done) munmap(copy, length);
  return done;
}

bool block_copy_abandon(ucontext_t& context, void* fault) noexcept {
  const auto address = reinterpret_cast<uintptr_t>(fault);
  return address < source_end.load(std::memory_order_acquire) &&
         address >= source_begin.load(std::memory_order_acquire) &&
         guarded_copy_abandon(context, fault);
}

}  // namespace posix_mmap
