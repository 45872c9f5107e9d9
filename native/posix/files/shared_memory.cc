#include "posix/files/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string_view>

namespace posix_mmap {
namespace {

/// Where the libc keeps the segments of shm_open(3). The libc's own functions are in librt before
/// glibc 2.34, and Node does not load that library.
class SegmentPath {
 public:
  explicit SegmentPath(const char* name) noexcept {
    while (*name == '/') ++name;
    const std::string_view file(name);
    if (file.size() > NAME_MAX) {
      error_ = -ENAMETOOLONG;
    } else if (file.empty() || file == "." || file == ".." || file.find('/') != file.npos) {
      error_ = -EINVAL;
    } else {
      std::memcpy(text_.data(), kDirectory.data(), kDirectory.size());
      std::memcpy(text_.data() + kDirectory.size(), name, file.size());
    }
  }

  /// 0, or the -errno of a name that cannot be one.
  [[nodiscard]] int error() const noexcept { return error_; }
  [[nodiscard]] const char* text() const noexcept { return text_.data(); }

 private:
  static constexpr std::string_view kDirectory = "/dev/shm/";
  std::array<char, kDirectory.size() + NAME_MAX + 1> text_{};
  int error_ = 0;
};

}  // namespace

int create_memfd(const char* name, unsigned flags) noexcept {
  const int fd = memfd_create(name, flags);
  return fd >= 0 ? fd : -errno;
}

int open_shared_memory(const char* name, int flags, unsigned mode) noexcept {
  const SegmentPath path(name);
  if (path.error() != 0) return path.error();
  const int fd = open(path.text(), flags | O_NOFOLLOW | O_CLOEXEC, mode);
  return fd >= 0 ? fd : -errno;
}

int unlink_shared_memory(const char* name) noexcept {
  const SegmentPath path(name);
  if (path.error() != 0) return path.error();
  if (unlink(path.text()) == 0) return 0;
  // shm_unlink(3) documents EACCES for somebody else's segment; unlink(2) in a directory with the
  // sticky bit says EPERM.
  return errno == EPERM ? -EACCES : -errno;
}

int add_seals(int fd, int seals) noexcept {
  return fcntl(fd, F_ADD_SEALS, seals) == 0 ? 0 : -errno;
}

int get_seals(int fd) noexcept {
  const int seals = fcntl(fd, F_GET_SEALS);
  return seals >= 0 ? seals : -errno;
}

int duplicate(int fd) noexcept {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return copy >= 0 ? copy : -errno;
}

int access_mode(int fd) noexcept {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 ? flags & O_ACCMODE : -errno;
}

}  // namespace posix_mmap
