#include "posix/faults/guarded_copy.h"

#include <algorithm>
#include <cstring>

#include "support/memory.h"

using posix_mmap::guarded_copy;
using posix_mmap::guarded_zero;
using testing::Bytes;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;

namespace {

// rep movsb stops at the very byte; the loop for arm64 moves 16 at a time and counts those of the
// chunk that failed as not copied.
#if defined(__x86_64__)
constexpr size_t kChunk = 1;
#else
constexpr size_t kChunk = 16;
#endif

constexpr std::byte kFiller{0xEE};

/// How many bytes to copy past the edge, for each distance before it.
std::vector<size_t> lengths_past_edge() { return {1, 2, 15, 16, 17, kPage}; }

bool all(const Bytes& bytes, size_t first, size_t last, std::byte value) {
  for (size_t i = first; i < last; ++i) {
    if (bytes[i] != value) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("guarded_copy: without a fault it is memcpy") {
  const Bytes source = testing::pattern_bytes(0, 3 * kPage);
  for (const size_t length : {size_t{0}, size_t{1}, size_t{15}, size_t{16}, size_t{17}, kPage - 1,
                              kPage, 2 * kPage + 5}) {
    for (size_t from = 0; from < 17; ++from) {
      Bytes target(3 * kPage, kFiller);
      CHECK(guarded_copy(target.data() + 1, source.data() + from, length).left == 0);
      CHECK(memcmp(target.data() + 1, source.data() + from, length) == 0);
      CHECK(target[0] == kFiller);
      CHECK(target[length + 1] == kFiller);
    }
  }
}

TEST_CASE("guarded_copy: overlapping with the target below the source") {
  for (const size_t distance : {size_t{1}, size_t{8}, size_t{15}, size_t{16}, size_t{100}}) {
    Bytes memory = testing::pattern_bytes(0, 2 * kPage);
    Bytes expected = memory;
    memmove(expected.data(), expected.data() + distance, kPage);
    CHECK(guarded_copy(memory.data(), memory.data() + distance, kPage).left == 0);
    CHECK(memory == expected);
  }
}

TEST_CASE("guarded_copy: a fault on the source at every distance from a page's edge") {
  const testing::Descriptor file = testing::patterned_memfd(kPage);
  const testing::RegionPtr region = testing::map_file(file.get(), 2 * kPage);
  const Bytes expected = testing::pattern_bytes(0, kPage);
  Bytes target(2 * kPage);
  size_t wrong = 0;
  uint64_t faults = 0;
  for (size_t before = 0; before <= kPage; ++before) {
    for (const size_t past : lengths_past_edge()) {
      std::fill(target.begin(), target.end(), kFiller);
      const size_t left =
          guarded_copy(target.data(), testing::page(region, 1) - before, before + past).left;
      ++faults;
      if (left < past || left >= past + kChunk) {
        ++wrong;
        continue;
      }
      const size_t copied = before + past - left;
      wrong += memcmp(target.data(), expected.data() + kPage - before, copied) != 0;
      wrong += !all(target, copied, target.size(), kFiller);
    }
  }
  CHECK(wrong == 0);
  const Fault fault = region->faults().take();
  CHECK(fault == Fault{FaultKind::truncated, kPage, faults});
  CHECK_FALSE(region->faults().any_replaced());
  // Not replaced: the page shows the file as soon as there is one.
  testing::resize(file.get(), 2 * kPage);
  CHECK(guarded_copy(target.data(), testing::data(region), 2 * kPage).left == 0);
  CHECK(all(target, kPage, 2 * kPage, std::byte{0}));
  testing::store(testing::page(region, 1), std::byte{1});
  CHECK(testing::file_bytes(file.get(), kPage, 1)[0] == std::byte{1});
}

TEST_CASE("guarded_copy: a fault on the target at every distance from a page's edge") {
  const testing::Descriptor file = testing::memfd(kPage);
  const testing::RegionPtr region = testing::map_file(file.get(), 2 * kPage);
  const Bytes source = testing::pattern_bytes(0, 2 * kPage);
  size_t wrong = 0;
  uint64_t faults = 0;
  for (size_t before = 0; before <= kPage; ++before) {
    for (const size_t past : lengths_past_edge()) {
      std::byte* const target = testing::page(region, 1) - before;
      memset(testing::data(region), 0xEE, kPage);
      const size_t left = guarded_copy(target, source.data(), before + past).left;
      ++faults;
      if (left < past || left >= past + kChunk) {
        ++wrong;
        continue;
      }
      const size_t copied = before + past - left;
      wrong += memcmp(target, source.data(), copied) != 0;
      wrong += before < kPage && *(target - 1) != kFiller;
    }
  }
  CHECK(wrong == 0);
  CHECK(region->faults().take() == Fault{FaultKind::truncated, kPage, faults});
  CHECK_FALSE(region->faults().any_replaced());
}

TEST_CASE("guarded_copy: stops at pages that may not be read or written, and leaves them alone") {
  const testing::Descriptor file = testing::patterned_memfd(3 * kPage);
  const testing::RegionPtr source = testing::map_file(file.get(), 3 * kPage, PROT_NONE);
  const testing::RegionPtr target = testing::map_file(file.get(), 3 * kPage, PROT_READ);
  Bytes bytes(kPage, kFiller);
  CHECK(guarded_copy(bytes.data(), testing::page(source, 1) + 5, 100).left == 100);
  CHECK(source->faults().take() == Fault{FaultKind::no_access, kPage + 5, 1});
  CHECK(all(bytes, 0, kPage, kFiller));
  CHECK(guarded_copy(testing::page(target, 2), bytes.data(), 100).left == 100);
  CHECK(target->faults().take() == Fault{FaultKind::read_only, 2 * kPage, 1});
  CHECK(guarded_copy(testing::page(target, 0), testing::page(source, 0), 7).left == 7);
  CHECK_FALSE(source->faults().any_replaced());
  CHECK_FALSE(target->faults().any_replaced());
  CHECK(testing::file_bytes(file.get(), 0, 3 * kPage) == testing::pattern_bytes(0, 3 * kPage));
}

TEST_CASE("guarded_zero: zeros to the end, or to the page that cannot be had") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  const testing::RegionPtr region = testing::map_file(file.get(), 3 * kPage);
  for (const size_t length : {size_t{0}, size_t{1}, size_t{1023}, size_t{1024}, size_t{1025},
                              size_t{2047}, size_t{3000}}) {
    const Bytes pattern = testing::pattern_bytes(0, 2 * kPage);
    memcpy(testing::data(region), pattern.data(), pattern.size());
    CHECK(guarded_zero(testing::data(region) + 3, length) == 0);
    const Bytes now = testing::memory_bytes(testing::data(region), 2 * kPage);
    CHECK(all(now, 3, 3 + length, std::byte{0}));
    CHECK(memcmp(now.data(), pattern.data(), 3) == 0);
    CHECK(memcmp(now.data() + 3 + length, pattern.data() + 3 + length, 2 * kPage - 3 - length) ==
          0);
  }
  CHECK(region->faults().peek() == Fault{});
  size_t wrong = 0;
  for (const size_t before :
       {size_t{0}, size_t{1}, size_t{1023}, size_t{1024}, size_t{1025}, kPage}) {
    for (const size_t past : {size_t{1}, size_t{1023}, size_t{1024}, size_t{1025}, kPage}) {
      memset(testing::data(region), 0xEE, 2 * kPage);
      const size_t left = guarded_zero(testing::page(region, 2) - before, before + past);
      wrong += left < past || left >= past + kChunk;
      const Bytes now = testing::memory_bytes(testing::data(region), 2 * kPage);
      const size_t reached = before + past - left;
      wrong += !all(now, 0, 2 * kPage - before, kFiller);
      wrong += !all(now, 2 * kPage - before, 2 * kPage - before + reached, std::byte{0});
    }
  }
  CHECK(wrong == 0);
  CHECK_FALSE(region->faults().any_replaced());
}
