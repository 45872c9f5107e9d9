#include "posix/content/resident_copy.h"

#include <unistd.h>

#include <cerrno>

#include "support/memory.h"

using posix_mmap::copy_resident;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::RegionPtr;

namespace {

struct Copied {
  int result;
  Fault fault;
  testing::Bytes bytes;
};

Copied copied(const RegionPtr& region, uint64_t offset, size_t length) {
  Copied copy{.result = 0, .fault = {}, .bytes = testing::Bytes(length)};
  copy.result = copy_resident(*region, offset, length, copy.bytes.data(), copy.fault);
  return copy;
}

}  // namespace

TEST_CASE("resident_copy: copies what is in memory") {
  const testing::Descriptor file = testing::patterned_memfd(3 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 3 * kPage);
  for (const uint64_t offset : {uint64_t{0}, uint64_t{5}, uint64_t{kPage}}) {
    const Copied copy = copied(region, offset, 2 * kPage);
    CHECK(copy.result == 0);
    CHECK(copy.fault.kind == FaultKind::none);
    CHECK((copy.bytes == testing::pattern_bytes(offset, 2 * kPage)));
  }
}

TEST_CASE("resident_copy: copies nothing of a range with a page that is not") {
  const testing::Descriptor file = testing::memfd(3 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 3 * kPage);
  // A page that ends with zeros would have the next one looked at.
  const testing::Bytes bytes = testing::pattern_bytes(0, kPage);
  REQUIRE(pwrite(file.get(), bytes.data(), bytes.size(), 0) == ssize_t(bytes.size()));
  CHECK(copied(region, 0, kPage).result == 0);
  const Copied copy = copied(region, 0, kPage + 1);
  CHECK(copy.result == -EAGAIN);
  CHECK(copy.bytes[0] == std::byte{0});
  CHECK(copied(region, kPage, kPage).result == -EAGAIN);
  const RegionPtr anonymous = testing::map_anonymous(kPage);
  CHECK(copied(anonymous, 0, 1).result == -EAGAIN);
  testing::store(testing::page(anonymous, 0), std::byte{7});
  CHECK(copied(anonymous, 0, 1).bytes[0] == std::byte{7});
}

TEST_CASE("resident_copy: more pages than are worth the question") {
  const testing::Descriptor file = testing::patterned_memfd(200 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 200 * kPage);
  CHECK(copied(region, 0, 128 * kPage).result == 0);
  CHECK(copied(region, 0, 129 * kPage).result == -EAGAIN);
  CHECK(copied(region, 1, 128 * kPage).result == -EAGAIN);
  CHECK(copied(region, 200 * kPage, 1).result == -ERANGE);
}

TEST_CASE("resident_copy: a page that is past the end is not in memory") {
  const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 2 * kPage);
  testing::resize(file.get(), kPage + 9);
  const Copied copy = copied(region, kPage, 20);
  CHECK(copy.result == 0);
  CHECK((copy.fault == Fault{FaultKind::truncated, kPage + 9, 1}));
  testing::resize(file.get(), kPage);
  CHECK(copied(region, kPage, 20).result == -EAGAIN);
}
