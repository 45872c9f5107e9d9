#include "posix/calls/map_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "posix/files/file.h"
#include "posix/page_range.h"

namespace posix_mmap {
namespace {

/// Kinds of file systems, such as FUSE with FOPEN_DIRECT_IO, have private mappings only.
int private_instead(int flags) noexcept { return (flags & ~MAP_TYPE) | MAP_PRIVATE; }

/// For a file that says it is empty: whether it could be mapped if it were not. A file of /proc has
/// content and no size, and must not pass for an empty one.
int try_one_page(const FileRequest& request, int fd, int flags) noexcept {
  void* const page = mmap(nullptr, page_size(), PROT_READ, flags & MAP_TYPE, fd, 0);
  if (page != MAP_FAILED) return munmap(page, page_size()) == 0 ? 0 : -errno;
  const int error = errno;
  const bool again = error == ENODEV && request.may_be_private && (flags & MAP_TYPE) != MAP_PRIVATE;
  return again ? try_one_page(request, fd, MAP_PRIVATE) : -error;
}

bool is_regular(int fd) noexcept {
  struct stat status{};
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

class Mapper {
 public:
  Mapper(const FileRequest& request, int fd) noexcept : request_(request), fd_(fd) {}

  FileOutcome run(RegionUser& out) noexcept {
    const bool done = measure() && map(out);
    if (done && !lengthen()) out.reset();
    return outcome_;
  }

 private:
  bool failed(FileStep step, int error) noexcept {
    outcome_.step = step;
    outcome_.error = error;
    return false;
  }

  bool measure() noexcept {
    const int64_t size = file_size(fd_, identity_);
    if (size < 0) return failed(FileStep::stat, static_cast<int>(size));
    outcome_.file_size = size;
    const auto whole = static_cast<uint64_t>(std::max(size, request_.size));
    const uint64_t offset = request_.map.offset;
    // Only the kernel knows what can be mapped of a character device.
    const bool endless = size == INT64_MAX;
    const bool rest = request_.length == FileRequest::kNone;
    if (endless ? rest : offset > whole) return failed(FileStep::range, 0);
    outcome_.length = rest ? whole - offset : static_cast<uint64_t>(request_.length);
    if (!endless && outcome_.length > whole - offset) return failed(FileStep::range, 0);
    return true;
  }

  bool map(RegionUser& out) noexcept {
    MapRequest map = request_.map;
    map.fd = fd_;
    map.length = outcome_.length;
    map.file = identity_;
    // A file that was opened by its path is closed again.
    map.lends_fd = request_.path == nullptr;
    map.path = request_.path;
    int result = 0;
    if (map.length == 0 && outcome_.file_size == 0 && is_regular(fd_)) {
      result = try_one_page(request_, fd_, map.flags);
    }
    if (result == 0) result = map_region(map, out);
    if (result == -ENODEV && request_.may_be_private && map.length > 0) {
      map.flags = private_instead(map.flags);
      result = map_region(map, out);
    }
    outcome_.flags = map.flags;
    if (result == 0) return true;
    struct statfs system{};
    if (fstatfs(fd_, &system) == 0) outcome_.file_system = static_cast<uint64_t>(system.f_type);
    return failed(FileStep::map, result);
  }

  /// After mmap(2), which may go past the end of a file: what it refuses leaves the file as it was.
  bool lengthen() noexcept {
    if (request_.size == FileRequest::kNone) return true;
    const auto size = static_cast<uint64_t>(request_.size);
    if (!request_.sparse && size > 0) {
      const int result = reserve_blocks(fd_, 0, size);
      return result == 0 || failed(FileStep::reserve, result);
    }
    if (outcome_.file_size >= request_.size) return true;
    const int result = truncate(fd_, size);
    return result == 0 || failed(FileStep::truncate, result);
  }

  const FileRequest& request_;
  const int fd_;
  FileIdentity identity_;
  FileOutcome outcome_;
};

}  // namespace

FileOutcome map_file(const FileRequest& request, RegionUser& out) noexcept {
  if (request.path == nullptr) return Mapper(request, request.map.fd).run(out);
  const int fd = open(request.path, request.open_flags | O_CLOEXEC, request.mode);
  if (fd < 0) return {.step = FileStep::open, .error = -errno};
  const FileOutcome outcome = Mapper(request, fd).run(out);
  close(fd);
  return outcome;
}

}  // namespace posix_mmap
