// What went wrong inside one region: the first fault, how many, and which pages were replaced.
// Written by signal handlers on any thread, read by anybody: atomics only.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace posix_mmap {

enum class FaultKind : uint8_t { none = 0, truncated = 1, read_only = 2, no_access = 3 };

struct Fault {
  FaultKind kind = FaultKind::none;
  uint64_t offset = 0;  ///< of the first fault, from the start of the mapping
  uint64_t count = 0;
};

class FaultLog {
 public:
  /// Empties the log for a region of `pages` pages.
  void reset(size_t pages) noexcept;
  /// Takes over the faults of another log, but not its pages.
  void inherit(const FaultLog& other) noexcept;
  /// Gives the page map back, and forgets the repairs; only when no thread can fault in the region
  /// any more.
  void free_memory() noexcept;

  void record(FaultKind kind, uint64_t offset) noexcept;
  Fault peek() const noexcept;
  Fault take() noexcept;
  /// The kind of the latest fault, cleared or not.
  FaultKind latest_kind() const noexcept { return latest_.load(std::memory_order_acquire); }
  /// How often anything was recorded, cleared or not: several listeners keep count each for itself.
  uint64_t records() const noexcept { return records_.load(std::memory_order_acquire); }

  /// Pages that no longer show the file, since a private page stands in for them.
  void mark_replaced(FaultKind kind, size_t first, size_t count) noexcept;
  /// The pages hold what the program may expect again.
  void mark_restored(size_t first, size_t count) noexcept;
  bool any_replaced() const noexcept;
  /// Why a page was replaced; none if it was not.
  FaultKind replaced(size_t page) const noexcept;
  /// The same for the first replaced page of `page … last`, to which `page` is set.
  FaultKind first_replaced(size_t& page, size_t last) const noexcept;
  /// How often mark_replaced was called: what the repair uses to keep the number of kernel
  /// mappings small.
  size_t repairs() const noexcept { return repairs_.load(std::memory_order_relaxed); }
  /// The same for all logs that are in use.
  static size_t all_repairs() noexcept { return all_repairs_.load(std::memory_order_relaxed); }

 private:
  using Word = std::atomic<uint64_t>;
  static Fault unpack(uint64_t first, uint64_t count) noexcept;
  Word* page_map(bool create) noexcept;
  size_t page_map_bytes() const noexcept;

  static inline std::atomic<size_t> all_repairs_{0};

  std::atomic<uint64_t> first_{0};  // kind in the low two bits, the offset above them
  std::atomic<uint64_t> count_{0};
  std::atomic<FaultKind> latest_{FaultKind::none};
  std::atomic<uint64_t> records_{0};
  std::atomic<size_t> repairs_{0};
  std::atomic<Word*> replaced_{nullptr};  // a FaultKind a page, mapped at the first fault
  std::atomic<FaultKind> all_replaced_{FaultKind::none};  // where there was no memory for the map
  size_t pages_ = 0;
};

}  // namespace posix_mmap
