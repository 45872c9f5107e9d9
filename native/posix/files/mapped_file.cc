#include "posix/files/mapped_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "posix/files/own_descriptors.h"
#include "posix/files/page_reason.h"
#include "posix/kernel_constants.h"

namespace posix_mmap {
namespace {

/// Of a file by one of its names: bytes, or -errno; -ENOENT when another file has the name.
/// By syscall(2), since stat(3) is not in the oldest glibc that Node runs on.
int64_t size_at(const FileIdentity& identity, const char* path) noexcept {
  struct stat status{};
  if (syscall(SYS_newfstatat, AT_FDCWD, path, &status, 0) != 0) return -errno;
  return identity_of(status) == identity ? status.st_size : -ENOENT;
}

int64_t size_of(const FileIdentity& identity, int fd) noexcept {
  struct stat status{};
  if (fd < 0) return -EBADF;
  if (fstat(fd, &status) != 0) return -errno;
  return identity_of(status) == identity ? status.st_size : -EBADF;
}

/// Of a file by one of its names.
bool is_owned_or_writable(const char* path) noexcept {
  struct stat status{};
  if (syscall(SYS_newfstatat, AT_FDCWD, path, &status, 0) != 0) return false;
  return status.st_uid == geteuid() ||
         syscall(SYS_faccessat2, AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

std::unique_ptr<char[]> copy_of(const char* text) noexcept {
  if (text == nullptr) return nullptr;
  const size_t size = std::strlen(text) + 1;
  std::unique_ptr<char[]> copy(new (std::nothrow) char[size]);
  if (copy != nullptr) std::memcpy(copy.get(), text, size);
  return copy;
}

/// The lines of /proc/self/maps.
class MapsLines {
 public:
  MapsLines() noexcept : fd_(open("/proc/self/maps", O_RDONLY | O_CLOEXEC)) {}
  ~MapsLines() {
    if (fd_ >= 0) close(fd_);
  }
  MapsLines(const MapsLines&) = delete;
  MapsLines& operator=(const MapsLines&) = delete;

  /// False at the end. A line too long to be one is cut.
  bool next(std::string_view& line) noexcept {
    for (;;) {
      const auto* const newline =
          static_cast<const char*>(std::memchr(buffer_.data() + start_, '\n', end_ - start_));
      if (newline != nullptr) {
        line = {buffer_.data() + start_, static_cast<size_t>(newline - buffer_.data()) - start_};
        start_ += line.size() + 1;
        return true;
      }
      std::memmove(buffer_.data(), buffer_.data() + start_, end_ - start_);
      end_ -= start_;
      start_ = 0;
      if (end_ == buffer_.size()) end_ = 0;
      const ssize_t got = fd_ < 0 ? 0 : read(fd_, buffer_.data() + end_, buffer_.size() - end_);
      if (got <= 0) return false;
      end_ += static_cast<size_t>(got);
    }
  }

 private:
  int fd_;
  size_t start_ = 0;
  size_t end_ = 0;
  std::array<char, 2 * size_t{PATH_MAX} + 256> buffer_;
};

struct Area {
  uintptr_t first = 0;
  uintptr_t last = 0;
  std::string_view path;  ///< empty for memory without a file
};

/// "7f12a000-7f12c000 rw-s 00001000 fe:00 2146480   /tmp/file"; proc(5).
Area parse_area(std::string_view line) noexcept {
  Area area;
  const char* const end = line.end();
  const auto first = std::from_chars(line.begin(), end, area.first, 16);
  if (first.ptr == end) return area;
  std::from_chars(first.ptr + 1, end, area.last, 16);
  const size_t path = line.find('/');
  if (path != line.npos) area.path = line.substr(path);
  return area;
}

/// A path as the kernel writes it there, a line end in it as "\012".
void decode_path(std::string_view shown, std::array<char, PATH_MAX>& path) noexcept {
  constexpr std::string_view kNewline = "\\012";
  size_t length = 0;
  for (size_t at = 0; at < shown.size() && length + 1 < path.size(); ++length) {
    const bool newline = shown.substr(at, kNewline.size()) == kNewline;
    path[length] = newline ? '\n' : shown[at];
    at += newline ? kNewline.size() : 1;
  }
  path[length] = '\0';
}

/// The kernel names these links by the addresses of a whole VMA.
void link_of(const Area& area, std::array<char, PATH_MAX>& path) noexcept {
  std::snprintf(path.data(), path.size(), "/proc/self/map_files/%zx-%zx",
                static_cast<size_t>(area.first), static_cast<size_t>(area.last));
}

/// What a server that is gone or a device that fails answers to stat(2), other than a name that
/// leads nowhere or may not be looked up.
bool tells_reason(int error) noexcept {
  constexpr std::array kErrors{EIO,          ESTALE,     ENOTCONN,  ETIMEDOUT,
                               EHOSTDOWN,    ECONNRESET, EREMOTEIO, ECONNABORTED,
                               EHOSTUNREACH, ENODEV,     ENXIO};
  return std::ranges::find(kErrors, error) != kErrors.end();
}

class ReadPage final : public DescriptorWork {
 public:
  ReadPage(const FileIdentity& identity, int fd, std::unique_ptr<char[]> path, uint64_t offset)
      : identity_(identity), fd_(fd), path_(std::move(path)), offset_(offset) {}

  void run(bool may_open) noexcept override {
    if (size_of(identity_, fd_) >= 0) {
      error_ = page_reason(fd_, offset_);
      // Open for writing only.
      if (error_ != EBADF) return;
      error_ = 0;
    }
    if (!may_open || path_ == nullptr) return;
    // Without O_NONBLOCK a FIFO that has taken the file's name would block.
    const int fd = open(path_.get(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
      error_ = tells_reason(errno) ? errno : 0;
      return;
    }
    if (size_of(identity_, fd) >= 0) error_ = page_reason(fd, offset_);
    close(fd);
  }

  int error() const noexcept { return error_; }

 private:
  const FileIdentity identity_;
  const int fd_;
  const std::unique_ptr<char[]> path_;
  const uint64_t offset_;
  int error_ = 0;
};

}  // namespace

void MappedFile::set(const MappedFileFacts& facts) noexcept {
  identity_ = facts.identity;
  offset_ = facts.offset;
  keeps_size_ = facts.keeps_size;
  fd_ = facts.fd;
  path_ = copy_of(facts.path);
  told_end_.store(kNowhere, std::memory_order_relaxed);
  residency_.store(Told::not_asked, std::memory_order_relaxed);
}

void MappedFile::inherit(const MappedFile& other) noexcept {
  const std::lock_guard<std::mutex> lock(other.mutex_);
  set({.identity = other.identity_,
       .offset = other.offset_,
       .keeps_size = other.keeps_size_,
       .fd = other.fd_,
       .path = other.path_.get()});
}

void MappedFile::reset() noexcept { set({}); }

int64_t MappedFile::size_at_hand() noexcept {
  const int64_t by_descriptor = size_of(identity_, fd_);
  if (by_descriptor >= 0) return by_descriptor;
  const std::lock_guard<std::mutex> lock(mutex_);
  return path_ != nullptr ? size_at(identity_, path_.get()) : -EBADF;
}

int64_t MappedFile::size(const Extent& extent) noexcept {
  const int64_t at_hand = size_at_hand();
  if (at_hand >= 0) return at_hand;
  const std::lock_guard<std::mutex> lock(mutex_);
  Path place;
  return find_place(extent, place);
}

int64_t MappedFile::find_place(const Extent& extent, Path& place) noexcept {
  int64_t result = -EBADF;
  if (path_ != nullptr) {
    std::snprintf(place.data(), place.size(), "%s", path_.get());
    result = size_at(identity_, place.data());
  }
  if (result >= 0 || tells_reason(static_cast<int>(-result))) return result;
  const int64_t found = find_by_maps(extent, place);
  return found >= 0 ? found : result;
}

int64_t MappedFile::find_by_maps(const Extent& extent, Path& place) noexcept {
  const auto first = reinterpret_cast<uintptr_t>(extent.base);
  const uintptr_t last = first + extent.mapped_length;
  // Pages that were protected or replaced make a mapping several VMAs, and one is enough.
  constexpr int kMostTries = 4;
  int tries = 0;
  MapsLines lines;
  for (std::string_view line; tries < kMostTries && lines.next(line);) {
    const Area area = parse_area(line);
    if (area.first >= last) break;
    if (area.last <= first || area.path.empty()) continue;
    ++tries;
    decode_path(area.path, place);
    int64_t size = size_at(identity_, place.data());
    if (size >= 0) {
      path_ = copy_of(place.data());
      return size;
    }
    link_of(area, place);
    size = size_at(identity_, place.data());
    if (size >= 0) return size;
  }
  return -ENOENT;
}

bool MappedFile::tells_residency(const Extent& extent) noexcept {
  Told told = residency_.load(std::memory_order_relaxed);
  if (told == Told::not_asked) {
    Path place;
    bool found = size_of(identity_, fd_) >= 0;
    if (found) {
      std::snprintf(place.data(), place.size(), "/proc/self/fd/%d", fd_);
    } else {
      const std::lock_guard<std::mutex> lock(mutex_);
      found = find_place(extent, place) >= 0;
    }
    told = found && is_owned_or_writable(place.data()) ? Told::yes : Told::no;
    residency_.store(told, std::memory_order_relaxed);
  }
  return told == Told::yes;
}

int MappedFile::reason(const Extent& extent, uint64_t offset) noexcept {
  std::unique_ptr<char[]> name;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    Path place;
    const int64_t found = find_place(extent, place);
    if (found < 0 && tells_reason(static_cast<int>(-found))) return static_cast<int>(-found);
    if (found >= 0) name = copy_of(place.data());
  }
  constexpr int kPatienceMs = 1000;
  int error = 0;
  run_with_own_descriptors(
      new (std::nothrow) ReadPage(identity_, fd_, std::move(name), offset), kPatienceMs,
      [](const DescriptorWork& work, void* argument) {
        *static_cast<int*>(argument) = static_cast<const ReadPage&>(work).error();
      },
      &error);
  return error;
}

}  // namespace posix_mmap
