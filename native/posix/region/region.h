// One mapping of the kernel and everybody who needs it. Those who may see its memory are users;
// those who only need its addresses to stay taken hold a reference, and so does every user.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstdint>

#include "posix/files/file_identity.h"
#include "posix/page_range.h"
#include "posix/region/fault_log.h"
#include "posix/region/region_token.h"

namespace posix_mmap {

/// Somebody who is notified of a fault: in a signal handler, on any thread.
struct FaultListener {
  void (*notify)(FaultListener*) = nullptr;
};

class Region {
 public:
  /// Makes a region of pages that were just mapped, with one user and its reference: 0, or -errno
  /// and they are unmapped. `file` is the one that stores reach.
  static int adopt(const Extent& extent, int prot, int flags, const FileIdentity& file,
                   Region** out) noexcept;
  /// Takes over what a region keeps that is made in place of another: what replaced pages must
  /// allow, its file, and the faults that nobody has asked for yet.
  void inherit(const Region& older) noexcept;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  /// The last one out unmaps. Callable on any thread.
  void release() noexcept;

  /// One more user, with a reference of its own.
  void join() noexcept;
  /// The same for somebody who knows the region by a token only; false when no user is left.
  bool try_join() noexcept;
  /// The user goes, its reference stays for release(). The last user retires the memory if others
  /// still need the addresses. Callable on any thread.
  void leave() noexcept;
  /// leave() and release().
  void part() noexcept;
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
  /// The region with one user more, or nullptr when its last user has gone.
  static Region* redeem_token(uint64_t token) noexcept;

  /// Cuts the memory off from its file and frees it, but keeps the addresses taken, because a
  /// system call or a pool thread may still be at work on them: they now show zeros that nobody
  /// else sees. Idempotent.
  int retire() noexcept;

  const Extent& extent() const noexcept { return extent_; }
  bool holds(const void* address) const noexcept;
  /// What a page that replaces another one has to allow.
  int protection() const noexcept { return protection_; }
  /// As mmap(2) was given them.
  int flags() const noexcept { return flags_; }
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
  size_t page_index(const void* address) const noexcept {
    return posix_mmap::page_index(extent_, address);
  }

  std::atomic<FaultListener*>& listener() noexcept { return listener_; }
  /// Held by the one signal handler that is replacing pages here.
  std::atomic<bool>& repairing() noexcept { return repairing_; }

 private:
  friend class RegionPool;
  Region() = default;
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
  std::atomic<bool> has_token_{false};
  uint64_t serial_ = 0;
  std::atomic<bool> repairing_{false};
  std::atomic<FaultListener*> listener_{nullptr};
  FaultLog faults_;
  Region* next_free_ = nullptr;
};

/// How many regions have addresses of their own now.
size_t live_regions() noexcept;

}  // namespace posix_mmap
