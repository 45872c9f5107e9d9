#include "posix/threads/copy_steps.h"

#include <algorithm>
#include <cerrno>
#include <new>

#include "posix/calls/read_ahead.h"
#include "posix/content/transfer.h"

namespace posix_mmap {
namespace {

/// Has the kernel read what is wanted, and no more, in one piece: a fault reads what the advice for
/// the pages says, which is a page at a time or megabytes. What it refuses, the faults do.
void read_in(Region& region, uint64_t offset, uint64_t length) noexcept {
  ReadAhead ahead;
  const uint64_t end = offset + length;
  for (uint64_t at = offset; at < end;) {
    const uint64_t stop = piece_end(region.extent(), at, end, ReadAhead::kMostBytes);
    if (ahead.add(region, at, stop - at) != 0) return;
    at = stop;
  }
  ahead.submit();
}

}  // namespace

int CopySteps::step(Region& region) noexcept {
  const Extent& extent = region.extent();
  if (!contains(extent, offset_, length_)) return -ERANGE;
  std::unique_ptr<std::byte[]> bytes(new (std::nothrow) std::byte[length_]);
  if (bytes == nullptr) return -ENOMEM;
  const uint64_t rest = extent.byte_length - (offset_ + length_);
  if (!region.anonymous()) read_in(region, offset_, length_ + std::min(ahead_, rest));
  fault_ = copy_out(region, offset_, length_, bytes.get());
  if (fault_.kind == FaultKind::none) bytes_ = std::move(bytes);
  done_ = true;
  return 0;
}

}  // namespace posix_mmap
