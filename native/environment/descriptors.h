// Descriptors that end with the JS thread that opened them, at the latest.
#pragma once

#include <unordered_set>

namespace posix_mmap {

class Descriptors {
 public:
  Descriptors() = default;
  ~Descriptors();
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;

  void add(int fd) { open_.insert(fd); }
  /// From here on the caller closes it.
  void hand_over(int fd) { open_.erase(fd); }
  /// close(2) — 0 or -errno.
  int close(int fd);

 private:
  std::unordered_set<int> open_;
};

}  // namespace posix_mmap
