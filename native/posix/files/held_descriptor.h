// A descriptor that stays open for long. Its number is the process's: whoever closes it by mistake
// (a second close, closefrom(3)) lets the next open(2) of anybody have it, and closing or using
// the number would then hit a stranger's file.
#pragma once

#include "posix/files/file_identity.h"

namespace posix_mmap {

class HeldDescriptor {
 public:
  HeldDescriptor() = default;
  /// Takes over `fd`; -1 for none.
  explicit HeldDescriptor(int fd) noexcept;
  HeldDescriptor(HeldDescriptor&& other) noexcept;
  HeldDescriptor& operator=(HeldDescriptor&& other) noexcept;
  ~HeldDescriptor() { close(); }

  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// The file that it was taken over for.
  [[nodiscard]] const FileIdentity& identity() const noexcept { return identity_; }
  /// Whether the number still stands for the file that it stood for at first.
  [[nodiscard]] bool intact() const noexcept;
  /// From here on the caller closes it.
  int hand_over() noexcept;
  /// close(2) — 0 or -errno; -EBADF, and nothing is closed, where the number is another file's.
  int close() noexcept;

 private:
  int fd_ = -1;
  FileIdentity identity_;
};

}  // namespace posix_mmap
