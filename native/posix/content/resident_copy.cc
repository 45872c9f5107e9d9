#include "posix/content/resident_copy.h"

#include <array>
#include <cerrno>

#include "posix/calls/residency.h"
#include "posix/content/transfer.h"

namespace posix_mmap {

int copy_resident(Region& region, uint64_t offset, uint64_t length, std::byte* target,
                  Fault& fault) noexcept {
  constexpr size_t kMostPages = 128;
  std::array<unsigned char, kMostPages> in_memory{};
  const int64_t pages = count_pages(region, offset, length);
  if (pages < 0) return static_cast<int>(pages);
  if (static_cast<uint64_t>(pages) > in_memory.size()) return -EAGAIN;
  if (!region.anonymous() && !region.file().tells_residency(region.extent())) return -EAGAIN;
  // Nothing may come between this and the copy, since the pages could go meanwhile.
  const int64_t resident = residency(region, offset, length, in_memory.data());
  if (resident != pages) return resident < 0 ? static_cast<int>(resident) : -EAGAIN;
  fault = copy_out(region, offset, length, target);
  return 0;
}

}  // namespace posix_mmap
