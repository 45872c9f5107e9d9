#include "posix/region/fault_log.h"

#include <sys/mman.h>

#include <new>

#include "posix/region/fault_epoch.h"

namespace posix_mmap {
namespace {

constexpr unsigned kKindBits = 2;
constexpr uint64_t kKindMask = (1U << kKindBits) - 1;
constexpr size_t kPagesPerWord = 64 / kKindBits;

/// The bits of pages `first … last` (exclusive) in a word of the page map.
uint64_t mask_of(size_t word, size_t first, size_t last) noexcept {
  const size_t low = word * kPagesPerWord;
  uint64_t mask = ~uint64_t{0};
  if (first > low) mask &= ~uint64_t{0} << ((first - low) * kKindBits);
  if (last < low + kPagesPerWord) mask &= ~(~uint64_t{0} << ((last - low) * kKindBits));
  return mask;
}

/// `kind` in the place of every page of a word.
uint64_t repeated(FaultKind kind) noexcept {
  return static_cast<uint64_t>(kind) * (~uint64_t{0} / kKindMask);
}

}  // namespace

void FaultLog::reset(size_t pages) noexcept {
  first_.store(0, std::memory_order_relaxed);
  count_.store(0, std::memory_order_relaxed);
  latest_.store(FaultKind::none, std::memory_order_relaxed);
  records_.store(0, std::memory_order_relaxed);
  repairs_.store(0, std::memory_order_relaxed);
  all_replaced_.store(FaultKind::none, std::memory_order_relaxed);
  pages_ = pages;
}

void FaultLog::inherit(const FaultLog& other) noexcept {
  const auto copy = [](auto& to, const auto& from) {
    to.store(from.load(std::memory_order_acquire), std::memory_order_release);
  };
  copy(count_, other.count_);
  copy(first_, other.first_);
  copy(latest_, other.latest_);
  copy(records_, other.records_);
}

size_t FaultLog::page_map_bytes() const noexcept {
  return (pages_ + kPagesPerWord - 1) / kPagesPerWord * sizeof(Word);
}

void FaultLog::free_memory() noexcept {
  all_repairs_.fetch_sub(repairs_.exchange(0), std::memory_order_relaxed);
  Word* map = replaced_.exchange(nullptr, std::memory_order_acq_rel);
  if (map != nullptr) munmap(static_cast<void*>(map), page_map_bytes());
}

FaultLog::Word* FaultLog::page_map(bool create) noexcept {
  Word* map = replaced_.load(std::memory_order_acquire);
  if (map != nullptr || !create) return map;
  // By mmap(2), because a signal handler must not call malloc(3). Fresh pages are all zero bits.
  void* fresh = mmap(nullptr, page_map_bytes(), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (fresh == MAP_FAILED) return nullptr;
  if (!replaced_.compare_exchange_strong(map, static_cast<Word*>(fresh),
                                         std::memory_order_acq_rel)) {
    munmap(fresh, page_map_bytes());
    return map;
  }
  return static_cast<Word*>(fresh);
}

void FaultLog::record(FaultKind kind, uint64_t offset) noexcept {
  uint64_t none = 0;
  const uint64_t packed = (offset << kKindBits) | static_cast<uint64_t>(kind);
  latest_.store(kind, std::memory_order_release);
  // Counted first: a thread that takes the log in between leaves the fault to be found, if not its
  // count.
  count_.fetch_add(1, std::memory_order_acq_rel);
  first_.compare_exchange_strong(none, packed, std::memory_order_acq_rel);
  records_.fetch_add(1, std::memory_order_release);
  move_fault_epoch();
}

Fault FaultLog::unpack(uint64_t first, uint64_t count) noexcept {
  if (first == 0) return {};
  return {static_cast<FaultKind>(first & kKindMask), first >> kKindBits, count == 0 ? 1 : count};
}

Fault FaultLog::peek() const noexcept {
  const uint64_t first = first_.load(std::memory_order_acquire);
  return unpack(first, count_.load(std::memory_order_acquire));
}

Fault FaultLog::take() noexcept {
  const uint64_t first = first_.exchange(0, std::memory_order_acq_rel);
  if (first == 0) return {};
  move_fault_epoch();
  return unpack(first, count_.exchange(0, std::memory_order_acq_rel));
}

void FaultLog::lower_first(uint64_t from, uint64_t to) noexcept {
  const auto kind = static_cast<uint64_t>(FaultKind::truncated);
  uint64_t expected = (from << kKindBits) | kind;
  first_.compare_exchange_strong(expected, (to << kKindBits) | kind, std::memory_order_acq_rel);
}

void FaultLog::mark_replaced(FaultKind kind, size_t first, size_t count) noexcept {
  repairs_.fetch_add(1, std::memory_order_relaxed);
  all_repairs_.fetch_add(1, std::memory_order_relaxed);
  if (!mark(kind, first, count)) all_replaced_.store(kind, std::memory_order_release);
}

void FaultLog::extend_replaced(FaultKind kind, size_t first, size_t count) noexcept {
  mark(kind, first, count);
}

bool FaultLog::mark(FaultKind kind, size_t first, size_t count) noexcept {
  move_fault_epoch();
  Word* map = page_map(true);
  if (map == nullptr) return false;
  const size_t last = first + count;
  for (size_t word = first / kPagesPerWord; word * kPagesPerWord < last; ++word) {
    const uint64_t mask = mask_of(word, first, last);
    map[word].fetch_and(~mask, std::memory_order_acq_rel);
    map[word].fetch_or(mask & repeated(kind), std::memory_order_acq_rel);
  }
  return true;
}

void FaultLog::mark_restored(size_t first, size_t count) noexcept {
  if (count >= pages_) all_replaced_.store(FaultKind::none, std::memory_order_release);
  Word* map = page_map(false);
  if (map == nullptr) return;
  const size_t last = first + count;
  for (size_t word = first / kPagesPerWord; word * kPagesPerWord < last; ++word) {
    map[word].fetch_and(~mask_of(word, first, last), std::memory_order_acq_rel);
  }
}

bool FaultLog::any_replaced() const noexcept {
  return all_replaced_.load(std::memory_order_acquire) != FaultKind::none ||
         replaced_.load(std::memory_order_acquire) != nullptr;
}

FaultKind FaultLog::replaced(size_t page) const noexcept {
  const FaultKind all = all_replaced_.load(std::memory_order_acquire);
  const Word* map = replaced_.load(std::memory_order_acquire);
  if (all != FaultKind::none || map == nullptr) return all;
  const uint64_t word = map[page / kPagesPerWord].load(std::memory_order_acquire);
  return static_cast<FaultKind>((word >> (page % kPagesPerWord * kKindBits)) & kKindMask);
}

FaultKind FaultLog::first_replaced(size_t& page, size_t last) const noexcept {
  if (!any_replaced()) return FaultKind::none;
  const FaultKind all = all_replaced_.load(std::memory_order_acquire);
  const Word* const map = replaced_.load(std::memory_order_acquire);
  if (all != FaultKind::none) return page <= last ? all : FaultKind::none;
  while (map != nullptr && page <= last) {
    const size_t place = page % kPagesPerWord;
    const uint64_t rest =
        map[page / kPagesPerWord].load(std::memory_order_acquire) >> (place * kKindBits);
    if (rest != 0) {
      page += static_cast<size_t>(__builtin_ctzll(rest)) / kKindBits;
      return page <= last ? replaced(page) : FaultKind::none;
    }
    page += kPagesPerWord - place;
  }
  return FaultKind::none;
}

}  // namespace posix_mmap
