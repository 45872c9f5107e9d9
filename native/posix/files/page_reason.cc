#include "posix/files/page_reason.h"

#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "posix/page_range.h"

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443  // Linux 5.14
#endif

namespace posix_mmap {
namespace {

int read_page(int fd, uint64_t offset) noexcept {
  std::array<char, size_t{8} * 1024> piece;
  const uint64_t end = offset + page_size();
  while (offset < end) {
    const ssize_t got = pread(fd, piece.data(), std::min<uint64_t>(piece.size(), end - offset),
                              static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return 0;
    offset += static_cast<uint64_t>(got);
  }
  return 0;
}

bool is_full(int fd) noexcept {
  struct statfs filesystem{};
  // Without a number of blocks there is no limit, or nobody who says.
  if (fstatfs(fd, &filesystem) != 0 || filesystem.f_blocks == 0) return false;
  const auto free = geteuid() == 0 ? filesystem.f_bfree : filesystem.f_bavail;
  return free * static_cast<uint64_t>(filesystem.f_bsize) < page_size();
}

bool is_used_up(int fd, int kind, uint32_t id) noexcept {
  if_dqblk quota{};
  const unsigned command = QCMD(static_cast<unsigned>(Q_GETQUOTA), static_cast<unsigned>(kind));
  if (syscall(SYS_quotactl_fd, fd, command, id, &quota) != 0) return false;
  const uint64_t wanted = quota.dqb_curspace + page_size();
  const auto beyond = [wanted](uint64_t limit) {
    return limit > 0 && wanted > limit * QIF_DQBLKSIZE;
  };
  // A soft limit is one once its time of grace is over.
  const bool over = quota.dqb_btime > 0 && static_cast<uint64_t>(time(nullptr)) >= quota.dqb_btime;
  return beyond(quota.dqb_bhardlimit) || (over && beyond(quota.dqb_bsoftlimit));
}

bool is_over_quota(int fd) noexcept {
  struct stat status{};
  if (fstat(fd, &status) != 0) return false;
  if (is_used_up(fd, USRQUOTA, status.st_uid) || is_used_up(fd, GRPQUOTA, status.st_gid)) {
    return true;
  }
  fsxattr attributes{};
  return ioctl(fd, FS_IOC_FSGETXATTR, &attributes) == 0 && attributes.fsx_projid != 0 &&
         is_used_up(fd, PRJQUOTA, attributes.fsx_projid);
}

}  // namespace

int page_reason(int fd, uint64_t offset) noexcept {
  const int error = read_page(fd, offset);
  if (error != 0) return error;
  if (is_full(fd)) return ENOSPC;
  return is_over_quota(fd) ? EDQUOT : 0;
}

}  // namespace posix_mmap
