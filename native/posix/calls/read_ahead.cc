#include "posix/calls/read_ahead.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "posix/calls/residency.h"
#include "posix/kernel_constants.h"
#include "posix/range_call.h"

namespace posix_mmap {
namespace {

/// The kernel cuts what is to be read in one range to the read-ahead of the device, which is 128
/// KiB unless somebody has changed it, and says nothing. So no range is longer.
constexpr size_t kMostAtOnce = size_t{128} << 10;

std::atomic<bool> forbidden{false};

}  // namespace

ReadAhead::~ReadAhead() {
  if (self_ >= 0) close(self_);
}

int ReadAhead::add(Region& region, uint64_t offset, uint64_t length) noexcept {
  return on_pages(region, offset, length, Rounding::outward, Splits::no, [&](PageRange pages) {
    const size_t count = pages.length / page_size();
    std::array<unsigned char, kMostPages> in_memory{};
    if (count > in_memory.size()) return -EINVAL;
    // Where the kernel does not tell, it says that all pages are in memory.
    if (region.anonymous() || region.file().tells_residency(region.extent())) {
      const int64_t resident = residency(region, offset, length, in_memory.data());
      if (resident < 0) return static_cast<int>(resident);
    }
    const auto end = in_memory.begin() + count;
    for (auto at = std::find(in_memory.begin(), end, 0); at != end;) {
      const auto next = std::find(at, end, 1);
      const int added = add_pages(pages.start + (at - in_memory.begin()) * page_size(),
                                  static_cast<size_t>(next - at) * page_size());
      if (added != 0) return added;
      at = std::find(next, end, 0);
    }
    return 0;
  });
}

int ReadAhead::add_pages(std::byte* start, size_t length) noexcept {
  for (size_t at = 0; at < length; at += kMostAtOnce) {
    if (count_ == kMostRanges) {
      const int refused = submit();
      if (refused != 0) return refused;
    }
    ranges_[count_++] = {start + at, std::min(length - at, kMostAtOnce)};
  }
  return 0;
}

size_t ReadAhead::advise_at_once() noexcept {
  // One call takes no descriptor of this process.
  if (count_ == 1 || forbidden.load(std::memory_order_relaxed)) return 0;
  if (self_ < 0) self_ = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
  const long advised =
      self_ < 0 ? -1
                : syscall(SYS_process_madvise, self_, ranges_.data(), count_, MADV_WILLNEED, 0);
  if (advised >= 0) return static_cast<size_t>(advised);
  // Neither the kernel nor a sandbox will change its mind.
  if (errno == ENOSYS || errno == EPERM) process_madvise_forbid(true);
  return 0;
}

int ReadAhead::submit() noexcept {
  size_t taken = count_ == 0 ? 0 : advise_at_once();
  int result = 0;
  for (size_t i = 0; i < count_ && result == 0; ++i) {
    const iovec& range = ranges_[i];
    const bool is_done = range.iov_len <= taken;
    taken -= std::min(taken, range.iov_len);
    if (!is_done) result = zero_or_errno(madvise(range.iov_base, range.iov_len, MADV_WILLNEED));
  }
  if (count_ > 0) ++submitted_;
  count_ = 0;
  return result;
}

void process_madvise_forbid(bool forbid) noexcept {
  forbidden.store(forbid, std::memory_order_relaxed);
}

}  // namespace posix_mmap
