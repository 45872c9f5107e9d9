#include "posix/region/region.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <thread>

#include "posix/calls/map.h"
#include "posix/calls/protection.h"
#include "posix/calls/remap.h"
#include "posix/files/kernel_file.h"
#include "posix/region/region_table.h"
#include "support/memory.h"
#include "support/variant.h"

using posix_mmap::live_regions;
using posix_mmap::map_region;
using posix_mmap::region_table_find;
using posix_mmap::remap_region;
using testing::data;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::kReadWrite;
using testing::MapRequest;
using testing::page;
using testing::Region;
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
  Region* region = nullptr;
  const int result = map_region(request, &region);
  if (result == 0) region->release();
  return result;
}

RegionPtr remap(const RegionPtr& region, uint64_t length) {
  Region* moved = nullptr;
  REQUIRE(remap_region(*region, length, &moved) == 0);
  return RegionPtr(moved);
}

int try_remap(const RegionPtr& region, uint64_t length) {
  Region* moved = nullptr;
  const size_t live = live_regions();
  const int result = remap_region(*region, length, &moved);
  CHECK(moved == nullptr);
  CHECK(live_regions() == live);
  return result;
}

}  // namespace

TEST_CASE("region: shows the file from the byte that was asked for") {
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

TEST_CASE("region: an empty one takes no addresses") {
  const size_t live = live_regions();
  const RegionPtr region = testing::map_anonymous(0);
  CHECK(live_regions() == live);
  CHECK(region->extent().mapped_length == 0);
  CHECK_FALSE(region->holds(nullptr));
  CHECK(region->retire() == 0);
}

TEST_CASE("region: what cannot be mapped is -errno and leaves nothing behind") {
  const size_t live = live_regions();
  const size_t kernel_mappings = testing::count_kernel_mappings();
  const testing::Descriptor file = testing::memfd(kPage);
  const testing::Descriptor readable(
      open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(readable.get() >= 0);
  CHECK(try_map(-1, kPage) == -EBADF);
  CHECK(try_map(readable.get(), kPage, kReadWrite) == -EACCES);
  CHECK(try_map(file.get(), kPage, PROT_READ, 0) == -EINVAL);
  // A sum that would wrap round to a page or two.
  CHECK(try_map(file.get(), UINT64_MAX, PROT_READ, MAP_SHARED, 1) == -EOVERFLOW);
  CHECK(try_map(file.get(), UINT64_MAX - 1, PROT_READ, MAP_SHARED, 2) == -EOVERFLOW);
  CHECK(try_map(file.get(), UINT64_MAX) == -EOVERFLOW);
  CHECK(try_map(file.get(), UINT64_MAX - kPage + 1) == -ENOMEM);
  CHECK(try_map(file.get(), kPage, PROT_READ, MAP_SHARED, UINT64_MAX - kPage + 1) < 0);
  CHECK(live_regions() == live);
  CHECK(testing::count_kernel_mappings() == kernel_mappings);
}

TEST_CASE("region: a terabyte of reservation is found at both ends") {
  const uint64_t length = uint64_t{1} << 40;
  const RegionPtr region = testing::map_anonymous(length, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE);
  CHECK(region_table_find(data(region)) == region.get());
  CHECK(region_table_find(data(region) + length / 2) == region.get());
  CHECK(region_table_find(data(region) + length - 1) == region.get());
  CHECK(testing::load(data(region) + length - 1) == std::byte{0});
  CHECK(region->faults().peek() == Fault{FaultKind::no_access, length - 1, 1});
}

TEST_CASE("region: a place for huge pages is congruent to the file offset") {
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

TEST_CASE("region: the last of several threads to let go unmaps, once") {
  constexpr int kThreads = 6;
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  size_t wrong = 0;
  for (int round = 0; round < 200; ++round) {
    const size_t live = live_regions();
    Region* const region = testing::map_file(file.get(), 2 * kPage).release();
    std::byte* const start = region->extent().base;
    std::atomic<int> ready{0};
    std::atomic<size_t> bad_reads{0};
    std::vector<std::thread> threads;
    for (int thread = 1; thread < kThreads; ++thread) region->retain();
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&] {
        ++ready;
        while (ready < kThreads) std::this_thread::yield();
        bad_reads += testing::load(start + kPage) != testing::pattern(kPage);
        region->release();
      });
    }
    for (std::thread& thread : threads) thread.join();
    wrong += bad_reads;
    wrong += live_regions() != live;
    wrong += region_table_find(start) != nullptr;
    wrong += msync(start, kPage, MS_ASYNC) == 0;
  }
  CHECK(wrong == 0);
}

TEST_CASE("region: a retired one keeps its addresses, and late accesses touch nobody's data") {
  const testing::Descriptor file = testing::memfd(4 * kPage);
  const size_t live = live_regions();
  RegionPtr region = testing::map_file(file.get(), 4 * kPage);
  std::atomic<bool> done{false};
  std::atomic<uint64_t> rounds{0};
  std::thread late([&] {
    while (!done) {
      for (size_t index = 0; index < 4; ++index) {
        testing::add_to_word(page(region, index), 1);
        testing::load_word(page(region, index) + 8);
      }
      ++rounds;
    }
  });
  while (rounds < 100) std::this_thread::yield();
  CHECK(region->retire() == 0);
  const testing::Bytes left = testing::file_bytes(file.get(), 0, 4 * kPage);
  const uint64_t before = rounds;
  while (rounds < before + 100) std::this_thread::yield();
  CHECK(region->retire() == 0);
  CHECK(testing::load_word(page(region, 0)) > 0);  // not replaced a second time
  done = true;
  late.join();
  CHECK(testing::file_bytes(file.get(), 0, 4 * kPage) == left);
  CHECK(testing::load_word(page(region, 0) + 8) == 0);
  CHECK(live_regions() == live + 1);
  testing::resize(file.get(), 0);
  CHECK(testing::load_word(page(region, 3)) > 0);
  CHECK(region->faults().peek() == Fault{});
  region.reset();
  CHECK(live_regions() == live);
}

TEST_CASE("region: threads that map, retire and unmap side by side") {
  const size_t live = live_regions();
  const testing::Descriptor file = testing::memfd(2 * kPage);
  std::atomic<size_t> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int round = 0; round < 1'500; ++round) {
        // Where they are alike, or retired, they are one mapping for the kernel.
        const RegionPtr one = testing::map_anonymous(kPage);
        const RegionPtr other = thread % 2 == 0 ? testing::map_anonymous(2 * kPage)
                                                : testing::map_file(file.get(), 2 * kPage);
        for (const RegionPtr* region : {&one, &other}) {
          testing::store(data(*region), std::byte{1});
          wrong += (round + thread) % 2 == 0 && (*region)->retire() != 0;
          wrong += region_table_find(data(*region)) != region->get();
        }
        wrong += testing::load(page(other, 1)) != std::byte{0};
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(live_regions() == live);
}

TEST_CASE("region: retire() while other threads are having pages replaced") {
  for (int round = 0; round < 30; ++round) {
    const testing::Descriptor file = testing::memfd(0);
    const RegionPtr region = testing::map_file(file.get(), 32 * kPage);
    std::atomic<int> started{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 3; ++thread) {
      threads.emplace_back([&] {
        ++started;
        for (size_t index = 0; index < 32; ++index) testing::add_to_word(page(region, index), 1);
      });
    }
    while (started < 3) std::this_thread::yield();
    CHECK(region->retire() == 0);
    for (std::thread& thread : threads) thread.join();
    for (size_t index = 0; index < 32; ++index) CHECK(testing::load_word(page(region, index)) <= 3);
  }
}

TEST_CASE("region: remap of shared pages shows the same file at other addresses") {
  const testing::Descriptor file = testing::patterned_memfd(4 * kPage);
  const RegionPtr old = testing::map_file(file.get(), kPage + 5, kReadWrite, MAP_SHARED, 3);
  const RegionPtr longer = remap(old, 3 * kPage);
  CHECK(data(longer) != data(old));
  CHECK(longer->extent().lead == 3);
  CHECK(testing::memory_bytes(data(longer), 3 * kPage) == testing::pattern_bytes(3, 3 * kPage));
  testing::store(data(longer), std::byte{0x77});
  CHECK(testing::load(data(old)) == std::byte{0x77});
  CHECK(region_table_find(data(old)) == old.get());
  CHECK(region_table_find(data(longer) + 3 * kPage - 1) == longer.get());
  REQUIRE(posix_mmap::protect(*longer, 0, 3 * kPage, PROT_READ) == 0);
  longer->faults().record(FaultKind::no_access, 5);
  const RegionPtr shorter = remap(longer, 1);
  CHECK(shorter->uniform_protection() == PROT_READ);
  CHECK(shorter->faults().peek() == Fault{FaultKind::no_access, 5, 1});
  CHECK(shorter->extent().mapped_length == kPage);
  CHECK(testing::load(data(shorter)) == std::byte{0x77});
  CHECK(remap(longer, 0)->extent().mapped_length == 0);
}

TEST_CASE("region: remap moves private anonymous pages and leaves no hole behind") {
  const RegionPtr old = testing::map_anonymous(3 * kPage);
  for (size_t index = 0; index < 3; ++index) testing::store_word(page(old, index), index + 1);
  const RegionPtr longer = remap(old, 6 * kPage);
  for (size_t index = 0; index < 6; ++index) {
    CHECK(testing::load_word(page(longer, index)) == (index < 3 ? index + 1 : 0));
    testing::store_word(page(longer, index) + 8, 1);
  }
  for (size_t index = 0; index < 3; ++index) CHECK(testing::load_word(page(old, index)) == 0);
  const RegionPtr shorter = remap(longer, 2 * kPage);
  CHECK(testing::load_word(page(shorter, 1)) == 2);
  CHECK(longer->faults().peek() == Fault{});
}

TEST_CASE("region: remap refuses what would leave a hole, and nothing has changed") {
  const testing::Descriptor file = testing::patterned_memfd(4 * kPage);
  const size_t kernel_mappings = testing::count_kernel_mappings();
  {
    const RegionPtr anonymous = testing::map_anonymous(kPage, kReadWrite, MAP_SHARED);
    testing::store(data(anonymous), std::byte{1});
    CHECK(try_remap(anonymous, 2 * kPage) == -EINVAL);
    CHECK(testing::load(data(anonymous)) == std::byte{1});
    const RegionPtr copied = testing::map_file(file.get(), kPage, kReadWrite, MAP_PRIVATE);
    CHECK(try_remap(copied, 2 * kPage) == -EINVAL);
    CHECK(try_remap(testing::map_anonymous(0), kPage) == -EINVAL);
    const RegionPtr shared = testing::map_file(file.get(), kPage, kReadWrite, MAP_SHARED, 3);
    CHECK(try_remap(shared, UINT64_MAX) == -EOVERFLOW);
    CHECK(try_remap(shared, uint64_t{1} << 60) == -ENOMEM);
    for (const int flags : {MAP_PRIVATE, MAP_SHARED}) {
      const RegionPtr mixed = testing::map_anonymous(2 * kPage, kReadWrite, flags);
      REQUIRE(posix_mmap::protect(*mixed, 0, kPage, PROT_READ) == 0);
      CHECK(try_remap(mixed, kPage) == -EINVAL);
      CHECK(mixed->uniform_protection() == Region::kMixed);
    }
  }
  CHECK(testing::count_kernel_mappings() == kernel_mappings);
}

TEST_CASE("region: remap of a region with a replaced page never passes its bytes for the file's") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  for (const size_t lost : {size_t{0}, size_t{1}}) {
    const RegionPtr region = testing::map_file(file.get(), 2 * kPage, PROT_READ);
    testing::store(page(region, lost), std::byte{0});
    REQUIRE(region->faults().replaced(lost) == FaultKind::read_only);
    Region* moved = nullptr;
    const int result = remap_region(*region, 2 * kPage, &moved);
    if (result == 0) {
      CHECK(testing::memory_bytes(moved->extent().data(), 2 * kPage) ==
            testing::pattern_bytes(0, 2 * kPage));
      moved->release();
    } else {
      CHECK(result < 0);
      CHECK(testing::load(page(region, 1 - lost)) == testing::pattern((1 - lost) * kPage));
    }
  }
}
