// One mapping of the kernel and everybody who needs it. Those who may see its memory are users;
// those who only need its addresses to stay taken hold a reference, and so does every user.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstdint>

#include "fault_log.h"
#include "page_range.h"

namespace posix_mmap {

/// Wakes whoever wants to hear of a fault. Called in a signal handler, on any thread.
struct FaultBell {
  void (*ring)(FaultBell*) = nullptr;
};

struct MapRequest {
  int fd = -1;
  uint64_t offset = 0;  ///< in the file, need not be a page's
  uint64_t length = 0;
  int prot = 0;
  int flags = 0;
  uint64_t address = 0;     ///< a wish, as mmap(2) takes it; 0 for none
  bool huge_pages = false;  ///< place it so that huge pages can be used
};

/// Which file it is, whatever its name is now: of fstat(2).
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

class Region {
 public:
  /// mmap(2) — a new region with one user and its reference, or -errno. The fault guard is in force
  /// before the first byte can be touched.
  static int map(const MapRequest& request, Region** out) noexcept;

  /// mremap(2) — a new region over the same pages, `length` bytes long, or -errno and nothing has
  /// changed. It lies at other addresses; the old region has to be retired and released, and what
  /// was private to it is in the new one now. -EINVAL for memory that cannot be moved without a
  /// hole (a private mapping of a file) or not be made longer (shared anonymous memory).
  int remap(uint64_t length, Region** out) noexcept;

  /// mmap(2) — a new region in place of an empty one, with the same flags and protection.
  int map_again(int fd, uint64_t offset, uint64_t length, Region** out) const noexcept;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  /// The last one out unmaps. Callable on any thread.
  void release() noexcept;

  /// One more user, with a reference of its own.
  void join() noexcept;
  /// The same for somebody who knows the region by a ticket only; false when no user is left.
  bool try_join() noexcept;
  /// The user goes, its reference stays for release(). The last user retires the memory if others
  /// still need the addresses. Callable on any thread.
  void leave() noexcept;
  /// leave() and release().
  void part() noexcept;
  uint32_t users() const noexcept { return users_.load(std::memory_order_acquire); }

  /// Never the same for two regions of a process, alive or not.
  uint64_t serial() const noexcept { return serial_; }
  /// Whether other threads may come to know of this region by its serial number.
  std::atomic<bool>& ticketed() noexcept { return ticketed_; }

  /// Cuts the memory off from its file and frees it, but keeps the addresses taken, because a
  /// system call or a pool thread may still be at work on them: they now show zeros that nobody
  /// else sees. Idempotent.
  int retire() noexcept;

  const Extent& extent() const noexcept { return extent_; }
  bool holds(const void* address) const noexcept;
  /// What a page that replaces another one has to allow.
  int protection() const noexcept { return protection_; }
  bool anonymous() const noexcept { return (flags_ & MAP_ANONYMOUS) != 0; }
  /// Of the file that stores reach; zeros for other memory.
  const FileIdentity& file() const noexcept { return file_; }
  bool shared() const noexcept { return (flags_ & MAP_TYPE) != MAP_PRIVATE; }

  static constexpr int kMixed = -1;
  /// The protection of every page, or kMixed when pages differ.
  int uniform_protection() const noexcept { return uniform_.load(std::memory_order_acquire); }
  void set_uniform_protection(int prot) noexcept {
    uniform_.store(prot, std::memory_order_release);
  }

  /// Whether stores are meant to be possible; where pages differ, as it was mapped.
  bool writable() const noexcept {
    const int uniform = uniform_protection();
    return ((uniform == kMixed ? protection_ : uniform) & PROT_WRITE) != 0;
  }

  FaultLog& faults() noexcept { return faults_; }
  const FaultLog& faults() const noexcept { return faults_; }
  size_t page_index(const void* address) const noexcept;

  std::atomic<FaultBell*>& bell() noexcept { return bell_; }
  /// Held by the one signal handler that is replacing pages here.
  std::atomic<bool>& repairing() noexcept { return repairing_; }

 private:
  friend class RegionPool;
  Region() = default;
  /// Makes the record for pages that were just mapped; unmaps them when there is none.
  static int adopt(const Extent& extent, int prot, int flags, Region** out) noexcept;
  int move_pages(std::byte* target, size_t length) noexcept;
  void unmap() noexcept;
  /// Whether the kernel has likely made one mapping of this region and its neighbour.
  bool merges_with(const Region* other) const noexcept;

  Extent extent_;
  FileIdentity file_;
  int protection_ = 0;
  // Atomic, since a neighbour on another thread looks at them when it goes.
  std::atomic<int> flags_{0};
  std::atomic<bool> retired_{false};
  std::atomic<int> uniform_{0};
  std::atomic<uint32_t> references_{0};
  std::atomic<uint32_t> users_{0};
  std::atomic<bool> ticketed_{false};
  uint64_t serial_ = 0;
  std::atomic<bool> repairing_{false};
  std::atomic<FaultBell*> bell_{nullptr};
  FaultLog faults_;
  Region* next_free_ = nullptr;
};

/// How many regions have addresses of their own now.
size_t live_regions() noexcept;

}  // namespace posix_mmap
