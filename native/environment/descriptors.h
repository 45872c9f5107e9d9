// Descriptors that end with the JS thread that opened them, at the latest.
#pragma once

#include <unordered_map>

#include "posix/files/held_descriptor.h"

namespace posix_mmap {

class Descriptors {
 public:
  /// Takes over a descriptor and returns its number, which is another one where the kernel gave a
  /// number that is in the table: whoever owns that entry would close the new file.
  int add(int fd);
  /// Whether a number in the table still stands for the file that it was added for.
  bool intact(int fd) const;
  /// From here on the caller closes it.
  void hand_over(int fd);
  /// close(2) — 0 or -errno; -EBADF for a number that is not in the table or another file's now.
  int close(int fd);

 private:
  std::unordered_map<int, HeldDescriptor> open_;
};

}  // namespace posix_mmap
