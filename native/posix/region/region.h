// One mapping of the kernel. Whoever needs it has a RegionUser or a RegionRef.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstdint>

#include "posix/files/mapped_file.h"
#include "posix/page_range.h"
#include "posix/region/fault_causes.h"
#include "posix/region/fault_log.h"
#include "posix/region/page_bits.h"
#include "posix/region/page_protections.h"
#include "posix/region/region_token.h"
#include "posix/region/region_users.h"

namespace posix_mmap {

/// Somebody who is notified of a fault: in a signal handler, on any thread.
struct FaultListener {
  void (*notify)(FaultListener*) = nullptr;
};

class Region {
 public:
  /// Makes a region of pages that were just mapped, for its first user: 0, or -errno and they are
  /// unmapped. The file of a region that moves comes by inherit().
  static int adopt(const Extent& extent, int prot, int flags, const MappedFileFacts& file,
                   RegionUser& out) noexcept;
  /// Takes over from the region that this one replaces what replaced pages must allow, the file,
  /// and the recorded faults.
  void inherit(const Region& older) noexcept;
  /// Takes over the protections of pages, and that they are guarded; after inherit(), and where the
  /// pages themselves were moved, what was done to them. False if there is no memory for it.
  bool inherit_pages(const Region& older, bool moved) noexcept;

  uint32_t users() const noexcept { return users_.load(std::memory_order_acquire); }

  /// Never the same for two regions of a process, alive or not.
  uint64_t serial() const noexcept { return serial_; }

  /// A number that names the region to other threads for as long as it has a user. Does not keep
  /// it.
  uint64_t issue_token() noexcept;
  void revoke_token() noexcept { remove_token(serial_); }
  /// Until it is issued again.
  void hide_token() noexcept { posix_mmap::hide_token(serial_); }
  /// Whether a token was ever issued.
  bool has_token() const noexcept { return has_token_.load(std::memory_order_acquire); }

  /// Cuts the memory off from its file and frees it, but keeps the addresses taken, because a
  /// system call or a pool thread may still be using them: they now show zeros that nobody else
  /// sees. Idempotent.
  int retire() noexcept;

  const Extent& extent() const noexcept { return extent_; }
  bool holds(const void* address) const noexcept;
  /// What a page that replaces another one must allow.
  int protection() const noexcept { return protection_; }
  /// As mmap(2) was given them.
  int flags() const noexcept { return flags_; }
  bool anonymous() const noexcept { return (flags_ & MAP_ANONYMOUS) != 0; }
  MappedFile& file() noexcept { return file_; }
  const MappedFile& file() const noexcept { return file_; }
  bool shared() const noexcept { return (flags_ & MAP_TYPE) != MAP_PRIVATE; }

  static constexpr int kMixed = PageProtections::kUnknown;
  /// The protection of every page, or kMixed when pages differ.
  int uniform_protection() const noexcept { return uniform_.load(std::memory_order_acquire); }
  /// The protection of each, as it was set. Only for the thread that has the turn to repair.
  PageProtections& protections() noexcept { return protections_; }
  const PageProtections& protections() const noexcept { return protections_; }
  /// Pages `first … last` (exclusive) were given a protection; after protections().reserve().
  void set_protection(size_t first, size_t last, int prot) noexcept;
  /// An empty region was given the protection that its first pages will get.
  void set_first_protection(int prot) noexcept;

  /// The pages with a guard that nobody has touched.
  PageBits& guards() noexcept { return guards_; }
  const PageBits& guards() const noexcept { return guards_; }
  /// Pages that a repair of a neighbour made accessible, and that are otherwise as they were. The
  /// log has them as replaced until their protection is set anew.
  PageBits& opened() noexcept { return opened_; }
  const PageBits& opened() const noexcept { return opened_; }

  size_t pages() const noexcept { return extent_.mapped_length / page_size(); }

  /// Whether stores are allowed. Where pages differ, whether they were when the region was mapped.
  bool writable() const noexcept {
    const int uniform = uniform_protection();
    return ((uniform == kMixed ? protection_ : uniform) & PROT_WRITE) != 0;
  }

  /// Whether all of it can be read and shows what was mapped, and no fault is in the log: until the
  /// fault epoch moves, or the file is cut.
  bool sound() noexcept;

  FaultLog& faults() noexcept { return faults_; }
  const FaultLog& faults() const noexcept { return faults_; }
  FaultCauses& fault_causes() noexcept { return fault_causes_; }
  size_t page_index(const void* address) const noexcept {
    return posix_mmap::page_index(extent_, address);
  }

  std::atomic<FaultListener*>& listener() noexcept { return listener_; }
  /// Set while one thread has the turn to replace pages here.
  std::atomic<bool>& repairing() noexcept { return repairing_; }

 private:
  friend class RegionPool;
  friend class RegionRef;
  friend class RegionUser;
  Region() = default;

  void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  /// The last one unmaps.
  void remove_reference() noexcept;
  /// One more user, with a reference of its own.
  void add_user() noexcept;
  /// The same for somebody who knows the region by a token only; false when no user is left.
  bool try_add_user() noexcept;
  /// The user goes, its reference stays. The last user retires the memory if others still need the
  /// addresses.
  void remove_user() noexcept;
  void unmap() noexcept;
  /// Whether the kernel has likely made one mapping of this region and its neighbour.
  bool merges_with(const Region* other) const noexcept;

  Extent extent_;
  MappedFile file_;
  int protection_ = 0;
  // Atomic, since a neighbouring region that is unmapped on another thread reads them.
  std::atomic<int> flags_{0};
  std::atomic<bool> retired_{false};
  std::atomic<int> uniform_{0};
  std::atomic<uint32_t> references_{0};
  std::atomic<uint32_t> users_{0};
  std::atomic<bool> has_token_{false};
  uint64_t serial_ = 0;
  std::atomic<bool> repairing_{false};
  std::atomic<FaultListener*> listener_{nullptr};
  FaultLog faults_;
  PageProtections protections_;
  PageBits guards_;
  PageBits opened_;
  FaultCauses fault_causes_;
  Region* next_free_ = nullptr;
};

/// How many regions of the process have addresses now.
size_t live_regions() noexcept;

}  // namespace posix_mmap
