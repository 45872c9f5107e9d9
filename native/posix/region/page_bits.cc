#include "posix/region/page_bits.h"

#include <sys/mman.h>

#include <algorithm>

namespace posix_mmap {
namespace {

constexpr size_t kBits = 64;

/// The bits of pages `first … last` (exclusive) in a word.
uint64_t mask_of(size_t word, size_t first, size_t last) noexcept {
  const size_t low = word * kBits;
  uint64_t mask = ~uint64_t{0};
  if (first > low) mask &= ~uint64_t{0} << (first - low);
  if (last < low + kBits) mask &= ~(~uint64_t{0} << (last - low));
  return mask;
}

}  // namespace

size_t PageBits::bytes() const noexcept { return (pages_ + kBits - 1) / kBits * sizeof(Word); }

void PageBits::free_memory() noexcept {
  Word* const words = words_.exchange(nullptr, std::memory_order_acq_rel);
  if (words != nullptr) munmap(static_cast<void*>(words), bytes());
}

bool PageBits::prepare() noexcept {
  if (words_.load(std::memory_order_acquire) != nullptr) return true;
  // mmap(2), because a signal handler must not call malloc(3). Fresh pages are zero bits.
  void* const fresh = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (fresh == MAP_FAILED) return false;
  Word* none = nullptr;
  if (!words_.compare_exchange_strong(none, static_cast<Word*>(fresh), std::memory_order_acq_rel)) {
    munmap(fresh, bytes());
  }
  return true;
}

void PageBits::set(size_t first, size_t count) noexcept {
  Word* const words = words_.load(std::memory_order_acquire);
  if (words == nullptr) return;
  const size_t last = first + count;
  for (size_t word = first / kBits; word * kBits < last; ++word) {
    words[word].fetch_or(mask_of(word, first, last), std::memory_order_acq_rel);
  }
}

void PageBits::clear(size_t first, size_t count) noexcept {
  Word* const words = words_.load(std::memory_order_acquire);
  if (words == nullptr) return;
  const size_t last = first + count;
  for (size_t word = first / kBits; word * kBits < last; ++word) {
    // A store would give memory to bits that have none, since they were never set.
    if (words[word].load(std::memory_order_relaxed) == 0) continue;
    words[word].fetch_and(~mask_of(word, first, last), std::memory_order_acq_rel);
  }
}

bool PageBits::test(size_t page) const noexcept {
  const Word* const words = words_.load(std::memory_order_acquire);
  if (words == nullptr) return false;
  return (words[page / kBits].load(std::memory_order_acquire) >> (page % kBits) & 1) != 0;
}

size_t PageBits::next(size_t page, size_t last, bool value) const noexcept {
  const Word* const words = words_.load(std::memory_order_acquire);
  if (words == nullptr) return value ? last : std::min(page, last);
  while (page < last) {
    const size_t word = page / kBits;
    const uint64_t bits = words[word].load(std::memory_order_acquire);
    const uint64_t wanted = (value ? bits : ~bits) >> (page % kBits);
    if (wanted != 0) return std::min(last, page + static_cast<size_t>(__builtin_ctzll(wanted)));
    page = (word + 1) * kBits;
  }
  return last;
}

}  // namespace posix_mmap
