// What went wrong inside one region: the first fault, how many there were, and which pages were
// replaced. Signal handlers write the log on any thread, and anybody reads it, so it is all
// atomics.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace posix_mmap {

/// A handler knows of a page that is not to be had only that, and calls it truncated; what else it
/// may be is found out later, and has no place in the log.
enum class FaultKind : uint8_t {
  none = 0,
  truncated = 1,
  read_only = 2,
  no_access = 3,
  unreadable = 4,  ///< the file has the page, and its file system could not provide it
};

struct Fault {
  FaultKind kind = FaultKind::none;
  uint64_t offset = 0;  ///< of the first fault, from the start of the mapping
  uint64_t count = 0;
  int error = 0;  ///< an errno, of unreadable pages
};

class FaultLog {
 public:
  /// Empties the log for a region of `pages` pages.
  void reset(size_t pages) noexcept;
  /// Takes over the faults of another log, but not its pages.
  void inherit(const FaultLog& other) noexcept;
  /// Gives the page map back, and forgets the repairs. No thread may fault in the region any more.
  void free_memory() noexcept;

  void record(FaultKind kind, uint64_t offset) noexcept;
  Fault peek() const noexcept;
  Fault take() noexcept;
  /// Moves the first fault to `to` if it was recorded at `from` with the kind truncated, because
  /// the file ended before the page that the processor named.
  void lower_first(uint64_t from, uint64_t to) noexcept;
  /// The kind of the latest fault, whether it was taken or not.
  FaultKind latest_kind() const noexcept { return latest_.load(std::memory_order_acquire); }
  /// How many faults were ever recorded, taken or not. Each of several listeners remembers up to
  /// which record it has reported.
  uint64_t records() const noexcept { return records_.load(std::memory_order_acquire); }

  /// From now on these pages do not show the file, since private pages stand in for them.
  void mark_replaced(FaultKind kind, size_t first, size_t count) noexcept;
  /// More pages that the same repair has replaced, or that another log had so.
  void extend_replaced(FaultKind kind, size_t first, size_t count) noexcept;
  /// From now on these pages hold again what the program expects.
  void mark_restored(size_t first, size_t count) noexcept;
  bool any_replaced() const noexcept;
  /// Why a page was replaced; none if it was not.
  FaultKind replaced(size_t page) const noexcept;
  /// The same for the first replaced page of `page … last`, to which `page` is set.
  FaultKind first_replaced(size_t& page, size_t last) const noexcept;
  /// How often mark_replaced() was called. The repair uses it to keep the number of VMAs small.
  size_t repairs() const noexcept { return repairs_.load(std::memory_order_relaxed); }
  /// The same for all logs that are in use.
  static size_t all_repairs() noexcept { return all_repairs_.load(std::memory_order_relaxed); }

 private:
  using Word = std::atomic<uint64_t>;
  static Fault unpack(uint64_t first, uint64_t count) noexcept;
  Word* page_map(bool create) noexcept;
  /// False if there is no memory for the page map.
  bool mark(FaultKind kind, size_t first, size_t count) noexcept;
  size_t page_map_bytes() const noexcept;

  static inline std::atomic<size_t> all_repairs_{0};

  std::atomic<uint64_t> first_{0};  // kind in the low two bits, the offset above them
  std::atomic<uint64_t> count_{0};
  std::atomic<FaultKind> latest_{FaultKind::none};
  std::atomic<uint64_t> records_{0};
  std::atomic<size_t> repairs_{0};
  std::atomic<Word*> replaced_{nullptr};  // a FaultKind a page, mapped at the first fault
  std::atomic<FaultKind> all_replaced_{FaultKind::none};  // if there was no memory for the map
  size_t pages_ = 0;
};

}  // namespace posix_mmap
