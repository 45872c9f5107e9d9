#include "posix/calls/map.h"

#include <fcntl.h>

#include <cerrno>
#include <string>

#include "posix/files/kernel_file.h"
#include "posix/region/region_table.h"
#include "support/memory.h"
#include "support/variant.h"

using posix_mmap::live_regions;
using posix_mmap::map_region;
using posix_mmap::region_table_find;
using testing::data;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::kReadWrite;
using testing::MapRequest;
using testing::page;
using testing::RegionPtr;

namespace {

int try_map(int fd, uint64_t length, int prot = PROT_READ, int flags = MAP_SHARED,
            uint64_t offset = 0) {
  MapRequest request;
  request.fd = fd;
  request.offset = offset;
  request.length = length;
  request.prot = prot;
  request.flags = flags;
  RegionPtr region;
  return map_region(request, region);
}

}  // namespace

TEST_CASE("map_region: shows the file from the byte that was asked for") {
  const testing::Descriptor file = testing::patterned_memfd(4 * kPage);
  for (const uint64_t offset :
       {uint64_t{0}, uint64_t{1}, uint64_t{kPage - 1}, uint64_t{kPage}, uint64_t{kPage + 3}}) {
    const size_t length = 2 * kPage + 1;
    const RegionPtr region = testing::map_file(file.get(), length, kReadWrite, MAP_SHARED, offset);
    const auto& extent = region->extent();
    CHECK(extent.lead == offset % kPage);
    CHECK(extent.byte_length == length);
    CHECK(extent.mapped_length % kPage == 0);
    CHECK(extent.mapped_length >= extent.lead + length);
    CHECK(extent.mapped_length < extent.lead + length + kPage);
    CHECK(testing::memory_bytes(data(region), length) == testing::pattern_bytes(offset, length));
    CHECK(region->holds(extent.base));
    CHECK(region->holds(extent.base + extent.mapped_length - 1));
    CHECK_FALSE(region->holds(extent.base - 1));
    CHECK_FALSE(region->holds(extent.base + extent.mapped_length));
    CHECK(region->page_index(extent.base) == 0);
    CHECK(region->page_index(extent.base + kPage - 1) == 0);
    CHECK(region->page_index(extent.base + kPage) == 1);
    CHECK(region_table_find(extent.base) == region.get());
    CHECK(region_table_find(extent.base + extent.mapped_length - 1) == region.get());
  }
}

TEST_CASE("map_region: what cannot be mapped is -errno and leaves nothing behind") {
  const testing::Descriptor file = testing::memfd(kPage);
  const testing::Descriptor readable(
      open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(readable.get() >= 0);
  const auto try_all = [&] {
    CHECK(try_map(-1, kPage) == -EBADF);
    CHECK(try_map(readable.get(), kPage, kReadWrite) == -EACCES);
    CHECK(try_map(file.get(), kPage, PROT_READ, 0) == -EINVAL);
    // A sum that would wrap round to a page or two.
    CHECK(try_map(file.get(), UINT64_MAX, PROT_READ, MAP_SHARED, 1) == -EOVERFLOW);
    CHECK(try_map(file.get(), UINT64_MAX - 1, PROT_READ, MAP_SHARED, 2) == -EOVERFLOW);
    CHECK(try_map(file.get(), UINT64_MAX) == -EOVERFLOW);
    CHECK(try_map(file.get(), UINT64_MAX - kPage + 1) == -ENOMEM);
    CHECK(try_map(file.get(), kPage, PROT_READ, MAP_SHARED, UINT64_MAX - kPage + 1) < 0);
  };
  // The first round and the first count are not compared, because ASan's allocator maps memory for
  // them.
  testing::count_kernel_mappings();
  try_all();
  const size_t live = live_regions();
  const size_t kernel_mappings = testing::count_kernel_mappings();
  try_all();
  CHECK(live_regions() == live);
  CHECK(testing::count_kernel_mappings() == kernel_mappings);
}

TEST_CASE("map_region: a terabyte of reservation is found at both ends") {
  const uint64_t length = uint64_t{1} << 40;
  const RegionPtr region = testing::map_anonymous(length, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE);
  CHECK(region_table_find(data(region)) == region.get());
  CHECK(region_table_find(data(region) + length / 2) == region.get());
  CHECK(region_table_find(data(region) + length - 1) == region.get());
  CHECK(testing::load(data(region) + length - 1) == std::byte{0});
  CHECK(region->faults().peek() == Fault{FaultKind::no_access, length - 1, 1});
}

TEST_CASE("map_region: a place for huge pages is congruent to the file offset") {
  const size_t huge = posix_mmap::huge_page_size();
  if (huge == 0) {
    MESSAGE("skipped: this kernel has no transparent huge pages");
    return;
  }
  const testing::Descriptor file = testing::memfd(4 * huge);
  const size_t kernel_mappings = testing::count_kernel_mappings();
  for (const uint64_t offset : {uint64_t{0}, uint64_t{kPage}, uint64_t{huge - kPage},
                                uint64_t{huge}, uint64_t{3 * kPage + 7}}) {
    MapRequest request;
    request.fd = file.get();
    request.offset = offset;
    request.length = 2 * huge + 1;
    request.prot = kReadWrite;
    request.flags = MAP_SHARED;
    request.huge_pages = true;
    const RegionPtr region = testing::map_region(request);
    CHECK((reinterpret_cast<uintptr_t>(data(region)) - offset) % huge == 0);
    testing::store(data(region) + 2 * huge, std::byte{9});
    CHECK(testing::file_bytes(file.get(), offset + 2 * huge, 1)[0] == std::byte{9});
  }
  // The padding that made the choice possible is given back. (TSan maps more than that itself.)
  if (!testing::kThreadSanitizer) CHECK(testing::count_kernel_mappings() == kernel_mappings);
}

TEST_CASE("map_region: shows the end of the range a second time behind it") {
  const testing::Descriptor file = testing::patterned_memfd(4 * kPage);
  MapRequest request;
  request.fd = file.get();
  request.length = 4 * kPage;
  request.prot = kReadWrite;
  request.flags = MAP_SHARED;
  request.mirrored = 3 * kPage;
  const size_t before = live_regions();
  {
    RegionPtr region;
    REQUIRE(map_region(request, region) == 0);
    CHECK(region->extent().mapped_length == 7 * kPage);
    CHECK(live_regions() == before + 1);
    const std::byte* start = data(region);
    CHECK(testing::memory_bytes(start, 4 * kPage) == testing::pattern_bytes(0, 4 * kPage));
    CHECK(testing::memory_bytes(start + 4 * kPage, 3 * kPage) ==
          testing::pattern_bytes(kPage, 3 * kPage));
    region->extent().base[kPage + 5] = std::byte{1};
    CHECK(start[4 * kPage + 5] == std::byte{1});
    region->extent().base[7 * kPage - 1] = std::byte{2};
    CHECK(start[4 * kPage - 1] == std::byte{2});
    CHECK(region_table_find(start + 7 * kPage - 1) != nullptr);
  }
  CHECK(live_regions() == before);
}

TEST_CASE("map_region: refuses to show again what is not whole pages of a file") {
  const testing::Descriptor file = testing::patterned_memfd(4 * kPage);
  const auto attempt = [&](uint64_t offset, uint64_t length, uint64_t mirrored, int flags) {
    MapRequest request;
    request.fd = file.get();
    request.offset = offset;
    request.length = length;
    request.prot = kReadWrite;
    request.flags = flags;
    request.mirrored = mirrored;
    RegionPtr region;
    return map_region(request, region);
  };
  CHECK(attempt(0, 2 * kPage, kPage, MAP_SHARED) == 0);
  CHECK(attempt(0, 2 * kPage, 1, MAP_SHARED) == -EINVAL);
  CHECK(attempt(1, 2 * kPage, kPage, MAP_SHARED) == -EINVAL);
  CHECK(attempt(0, 2 * kPage - 1, kPage, MAP_SHARED) == -EINVAL);
  CHECK(attempt(0, kPage, 2 * kPage, MAP_SHARED) == -EINVAL);
  CHECK(attempt(0, 2 * kPage, kPage, MAP_PRIVATE | MAP_ANONYMOUS) == -EINVAL);
  CHECK(attempt(0, 2 * kPage, UINT64_MAX & ~(kPage - 1), MAP_SHARED) != 0);
}
