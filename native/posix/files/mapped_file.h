// The file behind a mapping, as far as it can be found again: a mapping keeps no descriptor.
#pragma once

#include <array>
#include <atomic>
#include <climits>
#include <cstdint>
#include <memory>
#include <mutex>

#include "posix/files/file_identity.h"
#include "posix/page_range.h"

namespace posix_mmap {

/// What the mapping was made from.
struct MappedFileFacts {
  FileIdentity identity;       ///< zeros for memory without a file
  uint64_t offset = 0;         ///< of the first mapped page in the file, in bytes
  bool keeps_size = false;     ///< sealed against shrinking
  int fd = -1;                 ///< the caller's, who may have closed it since; -1 for none
  const char* path = nullptr;  ///< nullptr for none
};

class MappedFile {
 public:
  /// Before other threads know the region. Without memory for the path there is no such hint.
  void set(const MappedFileFacts& facts) noexcept;
  /// Takes over the facts of another mapping of the same pages.
  void inherit(const MappedFile& other) noexcept;
  void reset() noexcept;

  const FileIdentity& identity() const noexcept { return identity_; }
  /// Whether there is a file, and its size means something.
  bool known() const noexcept { return identity_.regular; }
  /// Whether the file can come to end before the mapping does.
  bool can_shrink() const noexcept { return known() && !keeps_size_; }
  uint64_t offset() const noexcept { return offset_; }

  /// stat(2) — the size of the file now in bytes, or -errno where the file is not to be found:
  /// by the descriptor if it is that file still, by the path, by the name that it has now in
  /// /proc/self/maps, or by the kernel's link to it (for which a program needs CAP_SYS_ADMIN or
  /// CAP_CHECKPOINT_RESTORE). `extent` is where it is mapped. Allocates no descriptor but for
  /// /proc.
  int64_t size(const Extent& extent) noexcept;
  /// The same by the descriptor or the path alone, without a look at /proc.
  int64_t size_at_hand() noexcept;

  /// stat(2), faccessat2(2) (Linux 5.8) — whether mincore(2) tells this program which pages of the
  /// file are in memory. Since Linux 5.2 it tells whoever owns the file or may write to it, and
  /// says of all pages to everybody else that they are. Asked once; false where the file is not to
  /// be found.
  bool tells_residency(const Extent& extent) noexcept;

  /// pread(2) and statfs(2) — why the page at `offset` of the file cannot be had: an errno, or 0
  /// where nothing is wrong with it now, or nothing can be found out. Opens the file if it must,
  /// but in a table of descriptors of its own, since to close it would drop the POSIX locks that
  /// the process holds on it. Waits a second at most.
  int reason(const Extent& extent, uint64_t offset) noexcept;

  /// Where the file ended, in bytes, when somebody was told so last; kNowhere if nobody was.
  std::atomic<int64_t>& told_end() noexcept { return told_end_; }
  static constexpr int64_t kNowhere = -1;

 private:
  using Path = std::array<char, PATH_MAX>;
  /// stat(2) by whatever leads to the file, which is stored in `place`; needs the mutex.
  int64_t find_place(const Extent& extent, Path& place) noexcept;
  int64_t find_by_maps(const Extent& extent, Path& place) noexcept;

  FileIdentity identity_;
  uint64_t offset_ = 0;
  bool keeps_size_ = false;
  int fd_ = -1;
  std::atomic<int64_t> told_end_{kNowhere};
  enum class Told : uint8_t { not_asked, yes, no };
  std::atomic<Told> residency_{Told::not_asked};
  mutable std::mutex mutex_;  // of the path, which follows the file when that is renamed
  std::unique_ptr<char[]> path_;
};

}  // namespace posix_mmap
