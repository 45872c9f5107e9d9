#include "posix/calls/map.h"

#include <sys/mman.h>

#include <cerrno>

#include "posix/faults/fault_guard.h"
#include "posix/files/kernel_file.h"
#include "posix/region/map_budget.h"

namespace posix_mmap {
namespace {

/// Addresses at which the kernel can use huge pages: congruent to the file offset.
void* reserve_for_huge_pages(size_t length, uint64_t offset) noexcept {
  const size_t huge = huge_page_size();
  size_t padded = 0;
  if (huge == 0 || length < huge || __builtin_add_overflow(length, huge, &padded)) return nullptr;
  void* reservation = reserve_addresses(padded);
  if (reservation == MAP_FAILED) return nullptr;
  auto* const start = static_cast<std::byte*>(reservation);
  const size_t skip = (offset - reinterpret_cast<uintptr_t>(start)) & (huge - 1);
  std::byte* const chosen = start + skip;
  if (skip > 0) munmap(start, skip);
  if (huge > skip) munmap(chosen + length, huge - skip);
  return chosen;
}

void* map_pages(const MapRequest& request, size_t length, uint64_t offset) noexcept {
  void* wish = reinterpret_cast<void*>(request.address);
  int flags = request.flags;
  void* reservation = nullptr;
  if (request.huge_pages && wish == nullptr) {
    reservation = reserve_for_huge_pages(length, offset);
    if (reservation != nullptr) {
      wish = reservation;
      flags |= MAP_FIXED;  // only our own reservation is there
    }
  }
  void* base = mmap(wish, length, request.prot, flags, request.fd, static_cast<off_t>(offset));
  if (base == MAP_FAILED && reservation != nullptr) {
    const int error = errno;
    munmap(reservation, length);
    errno = error;
  }
  return base;
}

/// The pages of the request, and the last ones a second time at the addresses behind them: what is
/// stored in one of the two is in the other as well.
void* map_mirrored(const MapRequest& request) noexcept {
  void* const reservation = reserve_addresses(request.length + request.mirrored);
  if (reservation == MAP_FAILED) return MAP_FAILED;
  auto* const start = static_cast<std::byte*>(reservation);
  // Only our own reservation is there.
  const int flags = request.flags | MAP_FIXED;
  const auto show = [&](std::byte* address, uint64_t length, uint64_t offset) {
    return mmap(address, length, request.prot, flags, request.fd, static_cast<off_t>(offset)) !=
           MAP_FAILED;
  };
  const uint64_t again = request.offset + request.length - request.mirrored;
  if (show(start, request.length, request.offset) &&
      show(start + request.length, request.mirrored, again)) {
    return reservation;
  }
  const int error = errno;
  munmap(reservation, request.length + request.mirrored);
  errno = error;
  return MAP_FAILED;
}

bool can_be_mirrored(const MapRequest& request) noexcept {
  const uint64_t bits = request.offset | request.length | request.mirrored;
  return offset_in_page(bits) == 0 && request.mirrored <= request.length && request.address == 0 &&
         (request.flags & MAP_ANONYMOUS) == 0;
}

MappedFileFacts file_of(const MapRequest& request, uint64_t offset) noexcept {
  if ((request.flags & MAP_ANONYMOUS) != 0) return {};
  MappedFileFacts file{.identity = request.file,
                       .offset = offset,
                       .keeps_size = request.keeps_size,
                       .fd = request.lends_fd ? request.fd : -1,
                       .path = request.path};
  if (file.identity == FileIdentity{}) identify_file(request.fd, file.identity);
  return file;
}

}  // namespace

void* reserve_addresses(size_t length) noexcept {
  return mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

int map_region(const MapRequest& request, RegionUser& out) noexcept {
  const uint64_t lead = offset_in_page(request.offset);
  Extent extent;
  const int guarded = fault_guard_install();
  if (guarded != 0) return guarded;
  if (request.mirrored > 0 && !can_be_mirrored(request)) return -EINVAL;
  if (request.length > 0) {
    uint64_t length = 0;
    if (__builtin_add_overflow(request.length, request.mirrored, &length)) return -EOVERFLOW;
    if (!covering_pages(lead, length, extent)) return -EOVERFLOW;
    const bool mirrors = request.mirrored > 0;
    const int refused = map_budget_ask(mirrors ? 2 : 1);
    if (refused != 0) return refused;
    // A region gives one back when it is unmapped; that there are two, the next count finds out.
    if (mirrors) map_budget_return();
    void* base = mirrors ? map_mirrored(request)
                         : map_pages(request, extent.mapped_length, request.offset - lead);
    if (base == MAP_FAILED) return -errno;
    extent.base = static_cast<std::byte*>(base);
  }
  return Region::adopt(extent, request.prot, request.flags, file_of(request, request.offset - lead),
                       out);
}

int map_region_again(const Region& empty, int fd, uint64_t offset, uint64_t length,
                     RegionUser& out) noexcept {
  const int uniform = empty.uniform_protection();
  // These flags were about the place of the first mapping and about filling it, and would now map
  // over somebody else's memory.
  constexpr int kOnce = MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_POPULATE | MAP_LOCKED;
  const MapRequest request{.fd = fd,
                           .offset = offset,
                           .length = length,
                           .prot = uniform == Region::kMixed ? empty.protection() : uniform,
                           .flags = empty.flags() & ~kOnce};
  const int result = map_region(request, out);
  if (result == 0) out->inherit(empty);
  return result;
}

}  // namespace posix_mmap
