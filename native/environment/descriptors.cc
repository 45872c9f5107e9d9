#include "environment/descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace posix_mmap {

int Descriptors::add(int fd) {
  int free = fd;
  while (free >= 0 && open_.contains(free)) {
    const int next = fcntl(free, F_DUPFD_CLOEXEC, free + 1);
    const int error = next < 0 ? -errno : next;
    ::close(free);
    free = error;
  }
  if (free >= 0) open_.emplace(free, HeldDescriptor(free));
  return free;
}

bool Descriptors::intact(int fd) const {
  const auto found = open_.find(fd);
  return found != open_.end() && found->second.intact();
}

void Descriptors::hand_over(int fd) {
  const auto found = open_.find(fd);
  if (found == open_.end()) return;
  found->second.hand_over();
  open_.erase(found);
}

int Descriptors::close(int fd) {
  const auto found = open_.find(fd);
  if (found == open_.end()) return -EBADF;
  const int result = found->second.close();
  open_.erase(found);
  return result;
}

}  // namespace posix_mmap
