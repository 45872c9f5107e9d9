#include "posix/files/held_descriptor.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace posix_mmap {
namespace {

/// Zeros where there is no such descriptor.
FileIdentity identity_of(int fd) noexcept {
  struct stat status{};
  if (fd < 0 || fstat(fd, &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

}  // namespace

HeldDescriptor::HeldDescriptor(int fd) noexcept : fd_(fd), identity_(identity_of(fd)) {}

HeldDescriptor::HeldDescriptor(HeldDescriptor&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), identity_(other.identity_) {}

HeldDescriptor& HeldDescriptor::operator=(HeldDescriptor&& other) noexcept {
  if (this == &other) return *this;
  close();
  fd_ = std::exchange(other.fd_, -1);
  identity_ = other.identity_;
  return *this;
}

bool HeldDescriptor::intact() const noexcept {
  const FileIdentity found = identity_of(fd_);
  return !(found == FileIdentity{}) && found == identity_;
}

int HeldDescriptor::hand_over() noexcept { return std::exchange(fd_, -1); }

int HeldDescriptor::close() noexcept {
  const bool ours = intact();
  const int fd = hand_over();
  if (!ours) return -EBADF;
  return ::close(fd) == 0 ? 0 : -errno;
}

}  // namespace posix_mmap
