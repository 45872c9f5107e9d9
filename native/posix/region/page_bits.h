// A bit for each page of a region. Readable in a signal handler, written by anybody: atomics only.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace posix_mmap {

class PageBits {
 public:
  /// Forgets everything, for a region of `pages` pages.
  void reset(size_t pages) noexcept { pages_ = pages; }
  /// Gives the memory back; only when no thread can read the bits any more.
  void free_memory() noexcept;

  /// Takes the memory for the bits, before the first is set: false if the kernel has none.
  /// Async-signal-safe. A terabyte has 32 MiB of bits (with pages of 4 KiB), of which only those
  /// that were set take memory.
  bool prepare() noexcept;

  void set(size_t first, size_t count) noexcept;
  void clear(size_t first, size_t count) noexcept;
  bool test(size_t page) const noexcept;
  /// The first page from `page` on whose bit is `value`, or `last` if none before that has it.
  size_t next(size_t page, size_t last, bool value) const noexcept;

 private:
  using Word = std::atomic<uint64_t>;
  size_t bytes() const noexcept;

  std::atomic<Word*> words_{nullptr};
  size_t pages_ = 0;
};

}  // namespace posix_mmap
