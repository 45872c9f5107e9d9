#include "posix/calls/discard.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "posix/calls/protection.h"
#include "support/memory.h"

using posix_mmap::discard;
using posix_mmap::punch_hole;
using testing::Bytes;
using testing::data;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::kReadWrite;
using testing::MapRequest;
using testing::page;
using testing::RegionPtr;

namespace {

constexpr std::byte kMine{0xEE};

/// A region in the middle of a larger mapping that is not ours, which sees every page too many.
class Neighbourhood {
 public:
  explicit Neighbourhood(size_t length) : length_(length + 2 * kPage) {
    start_ = static_cast<std::byte*>(
        mmap(nullptr, length_, kReadWrite, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(start_ != MAP_FAILED);
    memset(start_, 0x77, length_);
  }
  Neighbourhood(const Neighbourhood&) = delete;
  ~Neighbourhood() { munmap(start_, length_); }

  RegionPtr map(MapRequest request) const {
    request.address = reinterpret_cast<uint64_t>(start_ + kPage);
    request.prot = kReadWrite;
    request.flags |= MAP_FIXED;
    return testing::map_region(request);
  }
  bool unharmed() const {
    const Bytes expected(kPage, std::byte{0x77});
    return testing::memory_bytes(start_, kPage) == expected &&
           testing::memory_bytes(start_ + length_ - kPage, kPage) == expected;
  }

 private:
  std::byte* start_;
  size_t length_;
};

std::vector<size_t> edges(size_t limit) {
  std::vector<size_t> all;
  for (size_t pages = 0; pages * kPage <= limit + kPage; ++pages) {
    for (const int near : {-1, 0, 1}) {
      const size_t value = pages * kPage + static_cast<size_t>(near);
      if (value <= limit) all.push_back(value);
    }
  }
  return all;
}

template <typename Body>
void each_range(size_t size, Body body) {
  for (const size_t offset : edges(size)) {
    for (const size_t length : edges(size - offset)) body(offset, length);
  }
}

uint64_t blocks_of(int fd) {
  struct stat status{};
  REQUIRE(fstat(fd, &status) == 0);
  return static_cast<uint64_t>(status.st_blocks) * 512;
}

}  // namespace

TEST_CASE("discard: private memory of a file shows the file on filled pages, and only there") {
  const size_t size = 3 * kPage + 10;
  const testing::Descriptor file = testing::patterned_memfd(6 * kPage);
  const Neighbourhood around(4 * kPage);
  for (const size_t lead : {size_t{0}, size_t{3}, kPage - 11}) {
    MapRequest request;
    request.fd = file.get();
    request.offset = kPage + lead;
    request.length = size;
    request.flags = MAP_PRIVATE;
    const RegionPtr region = around.map(request);
    each_range(size, [&](size_t offset, size_t length) {
      std::fill_n(data(region), size, kMine);
      REQUIRE(discard(*region, offset, length) == 0);
      // A page goes when every byte of it that belongs to the mapping is in the range.
      Bytes expected(size, kMine);
      for (size_t first = 0; first < size;) {
        const size_t last = std::min(size, (first + lead) / kPage * kPage + kPage - lead);
        if (offset <= first && last <= offset + length) {
          const Bytes from_file = testing::pattern_bytes(kPage + lead + first, last - first);
          std::copy(from_file.begin(), from_file.end(),
                    expected.begin() + static_cast<std::ptrdiff_t>(first));
        }
        first = last;
      }
      if (testing::memory_bytes(data(region), size) != expected) {
        FAIL_CHECK("lead " << lead << ", offset " << offset << ", length " << length);
      }
    });
    CHECK(around.unharmed());
  }
  CHECK(testing::file_bytes(file.get(), 0, 6 * kPage) == testing::pattern_bytes(0, 6 * kPage));
}

TEST_CASE("discard: anonymous memory is zero in the range, to the byte") {
  const size_t size = 3 * kPage + 10;
  const Neighbourhood around(4 * kPage);
  MapRequest request;
  request.length = size;
  request.flags = MAP_PRIVATE | MAP_ANONYMOUS;
  const RegionPtr region = around.map(request);
  each_range(size, [&](size_t offset, size_t length) {
    std::fill_n(data(region), size, kMine);
    REQUIRE(discard(*region, offset, length) == 0);
    Bytes expected(size, kMine);
    std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(offset), length, std::byte{0});
    if (testing::memory_bytes(data(region), size) != expected) {
      FAIL_CHECK("offset " << offset << ", length " << length);
    }
  });
  CHECK(around.unharmed());
  CHECK(region->faults().peek() == Fault{});
}

TEST_CASE("discard: anonymous pages that were replaced are as good as new") {
  const RegionPtr region = testing::map_anonymous(4 * kPage);
  REQUIRE(posix_mmap::protect(*region, 0, 4 * kPage, PROT_READ) == 0);
  for (size_t index = 0; index < 4; ++index) testing::store(page(region, index) + 1, kMine);
  CHECK(region->faults().replaced(1) == FaultKind::read_only);
  CHECK(discard(*region, kPage - 5, 2 * kPage + 5) == 0);
  CHECK(region->faults().replaced(0) == FaultKind::read_only);
  CHECK(region->faults().replaced(1) == FaultKind::none);
  CHECK(region->faults().replaced(2) == FaultKind::none);
  CHECK(region->faults().replaced(3) == FaultKind::read_only);
  CHECK(testing::load(page(region, 1) + 1) == std::byte{0});
  CHECK(testing::load(page(region, 3) + 1) == kMine);
}

TEST_CASE("discard: private pages of a file that were replaced are never passed for the file's") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 2 * kPage, PROT_READ, MAP_PRIVATE);
  testing::store(page(region, 0), kMine);
  CHECK(discard(*region, 0, 2 * kPage) == 0);
  const bool replaced = region->faults().replaced(0) != FaultKind::none;
  const bool restored = testing::load(page(region, 0)) == testing::pattern(0);
  CHECK((replaced || restored));
}

TEST_CASE("discard: edges of anonymous memory that may not be written are -EFAULT") {
  const RegionPtr region = testing::map_anonymous(2 * kPage);
  REQUIRE(posix_mmap::protect(*region, 0, 2 * kPage, PROT_READ) == 0);
  CHECK(discard(*region, 1, 10) == -EFAULT);
  CHECK(region->faults().take() == Fault{FaultKind::read_only, 1, 1});
  CHECK(discard(*region, 0, kPage) == 0);
  CHECK_FALSE(region->faults().any_replaced());
}

TEST_CASE("discard: refuses shared memory and ranges outside") {
  const testing::Descriptor file = testing::patterned_memfd(kPage);
  const RegionPtr shared = testing::map_file(file.get(), kPage);
  CHECK(discard(*shared, 0, kPage) == -EINVAL);
  CHECK(discard(*testing::map_anonymous(kPage, kReadWrite, MAP_SHARED), 0, kPage) == -EINVAL);
  const RegionPtr region = testing::map_anonymous(kPage);
  testing::store(data(region), kMine);
  CHECK(discard(*region, 0, kPage + 1) == -ERANGE);
  CHECK(discard(*region, UINT64_MAX, 2) == -ERANGE);
  CHECK(testing::load(data(region)) == kMine);
}

TEST_CASE("punch_hole: the file is zero in the range to the byte, and nowhere else") {
  const size_t size = 3 * kPage + 10;
  const Neighbourhood around(4 * kPage);
  const Bytes whole = testing::pattern_bytes(0, 6 * kPage);
  for (const size_t lead : {size_t{0}, size_t{3}, kPage - 11}) {
    const testing::Descriptor file = testing::patterned_memfd(6 * kPage);
    MapRequest request;
    request.fd = file.get();
    request.offset = kPage + lead;
    request.length = size;
    request.flags = MAP_SHARED;
    const RegionPtr region = around.map(request);
    each_range(size, [&](size_t offset, size_t length) {
      REQUIRE(pwrite(file.get(), whole.data(), whole.size(), 0) == ssize_t(whole.size()));
      REQUIRE(punch_hole(*region, offset, length) == 0);
      const size_t begin = kPage + lead + offset;
      Bytes expected = whole;
      std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(begin), length, std::byte{0});
      size_t filled = 0;
      for (size_t first = 0; first < whole.size(); first += kPage) {
        filled += first >= begin && first + kPage <= begin + length;
      }
      if (testing::file_bytes(file.get(), 0, whole.size()) != expected ||
          blocks_of(file.get()) != whole.size() - filled * kPage) {
        FAIL_CHECK("lead " << lead << ", offset " << offset << ", length " << length);
      }
    });
    CHECK(around.unharmed());
    CHECK(region->faults().peek() == Fault{});
  }
}

TEST_CASE("punch_hole: refuses memory that is not shared and writable, and ranges outside") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  const Bytes before = testing::file_bytes(file.get(), 0, 2 * kPage);
  const RegionPtr readable = testing::map_file(file.get(), 2 * kPage, PROT_READ);
  CHECK(punch_hole(*readable, 0, 2 * kPage) == -EACCES);
  CHECK(punch_hole(*readable, 1, 5) == -EACCES);
  const RegionPtr copied = testing::map_file(file.get(), 2 * kPage, kReadWrite, MAP_PRIVATE);
  CHECK(punch_hole(*copied, 0, 2 * kPage) == -EINVAL);
  const RegionPtr shared = testing::map_file(file.get(), 2 * kPage);
  CHECK(punch_hole(*shared, kPage, kPage + 1) == -ERANGE);
  CHECK(punch_hole(*shared, UINT64_MAX - 1, 4) == -ERANGE);
  REQUIRE(posix_mmap::protect(*shared, kPage, kPage, PROT_READ) == 0);
  CHECK(punch_hole(*shared, kPage + 1, 5) == -EFAULT);
  CHECK(testing::file_bytes(file.get(), 0, 2 * kPage) == before);
  CHECK_FALSE(shared->faults().any_replaced());
}

TEST_CASE("punch_hole: never says done where a replaced page stands before the file") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 2 * kPage);
  REQUIRE(posix_mmap::protect(*region, 0, kPage, PROT_READ) == 0);
  testing::store(page(region, 0), kMine);
  REQUIRE(region->faults().replaced(0) == FaultKind::read_only);
  const auto zero_or_refused = [&](size_t offset, size_t length) {
    if (punch_hole(*region, offset, length) != 0) return true;
    return testing::file_bytes(file.get(), offset, length) == Bytes(length, std::byte{0});
  };
  CHECK(zero_or_refused(0, kPage));
  CHECK(zero_or_refused(5, 10));
  CHECK(zero_or_refused(kPage - 5, kPage + 5));
}
