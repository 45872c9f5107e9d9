#include "posix/files/file_identity.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

namespace posix_mmap {
namespace {

bool is_writable(int fd) noexcept {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_ACCMODE) == O_RDWR;
}

int open_path(const FileIdentity& identity, const char* path) noexcept {
  // The name may be a FIFO's by now, and without O_NONBLOCK open(2) would block.
  const int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return -errno;
  if (is_file(identity, fd)) return fd;
  close(fd);
  return -ESTALE;
}

/// Opens the kernel's link to a mapped file. The kernel names these links by addresses, and has one
/// for these addresses only while they are a single VMA.
int open_kernel_link(const FileIdentity& identity, const Extent& extent) noexcept {
  const auto first = reinterpret_cast<uintptr_t>(extent.base);
  std::array<char, 64> link{};
  std::snprintf(link.data(), link.size(), "/proc/self/map_files/%zx-%zx", first,
                first + extent.mapped_length);
  return open_path(identity, link.data());
}

}  // namespace

FileIdentity identity_of(const struct stat& status) noexcept {
  return {status.st_dev, status.st_ino, S_ISREG(status.st_mode)};
}

bool identify_file(int fd, FileIdentity& identity) noexcept {
  struct stat status{};
  if (fd < 0 || fstat(fd, &status) != 0) return false;
  identity = identity_of(status);
  return true;
}

bool is_file(const FileIdentity& identity, int fd) noexcept {
  FileIdentity found;
  return identify_file(fd, found) && found == identity && is_writable(fd);
}

int open_mapped_file(const FileIdentity& identity, const Extent& extent, int fd,
                     const char* path) noexcept {
  if (is_file(identity, fd)) {
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return copy >= 0 ? copy : -errno;
  }
  int result = -EBADF;
  if (path != nullptr) result = open_path(identity, path);
  if (result >= 0) return result;
  const int linked = open_kernel_link(identity, extent);
  return linked >= 0 ? linked : result;
}

}  // namespace posix_mmap
