#include "posix/calls/read_ahead.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "posix/calls/residency.h"
#include "support/memory.h"

using posix_mmap::process_madvise_forbid;
using posix_mmap::ReadAhead;
using testing::kPage;
using testing::RegionPtr;

namespace {

/// A file on a disk, none of whose pages is in memory; -1 where there is no disk.
testing::Descriptor cold_file(size_t pages) {
  const char* const place = std::getenv("TMPDIR");
  std::string name = std::string(place == nullptr ? "/tmp" : place) + "/read-ahead-XXXXXX";
  testing::Descriptor file(mkstemp(name.data()));
  REQUIRE(file.get() >= 0);
  unlink(name.c_str());
  const testing::Bytes bytes = testing::pattern_bytes(0, pages * kPage);
  REQUIRE(write(file.get(), bytes.data(), bytes.size()) == ssize_t(bytes.size()));
  fsync(file.get());
  posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  return file;
}

int64_t in_memory(const RegionPtr& region, uint64_t offset, uint64_t length) {
  std::vector<unsigned char> bitmap(region->pages());
  return posix_mmap::residency(*region, offset, length, bitmap.data());
}

/// Reading goes on while nobody waits for it.
bool comes_to(const RegionPtr& region, uint64_t offset, uint64_t length, int64_t pages) {
  for (int tries = 0; tries < 500; ++tries) {
    if (in_memory(region, offset, length) == pages) return true;
    usleep(10'000);
  }
  return false;
}

}  // namespace

TEST_CASE("read_ahead: what is asked for is read, in one call and in many, and nothing else") {
  constexpr size_t kPages = 256;
  for (const bool forbidden : {false, true}) {
    CAPTURE(forbidden);
    const testing::Descriptor file = cold_file(kPages);
    const RegionPtr region = testing::map_file(file.get(), kPages * kPage, PROT_READ);
    if (in_memory(region, 0, kPages * kPage) != 0) {
      MESSAGE("skipped: needs a TMPDIR on a disk");
      return;
    }
    process_madvise_forbid(forbidden);
    ReadAhead ahead;
    CHECK(ahead.add(*region, 3 * kPage + 1, 2 * kPage) == 0);
    CHECK(ahead.add(*region, 100 * kPage, 100 * kPage) == 0);
    CHECK(ahead.add(*region, 7, 0) == 0);
    CHECK(ahead.submitted() == 0);
    CHECK(ahead.submit() == 0);
    CHECK(ahead.submitted() == 1);
    process_madvise_forbid(false);
    CHECK(comes_to(region, 3 * kPage, 3 * kPage, 3));
    CHECK(comes_to(region, 100 * kPage, 100 * kPage, 100));
    CHECK(in_memory(region, 0, kPages * kPage) == 103);
    // All that is left to read of this range is the page before it.
    ReadAhead again;
    CHECK(again.add(*region, 2 * kPage, 4 * kPage) == 0);
    CHECK(again.submit() == 0);
    CHECK(comes_to(region, 2 * kPage, kPage, 1));
  }
}

TEST_CASE("read_ahead: what is in memory is no call") {
  const testing::Descriptor file = testing::patterned_memfd(4 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 4 * kPage);
  ReadAhead ahead;
  CHECK(ahead.add(*region, 0, 4 * kPage) == 0);
  CHECK(ahead.submit() == 0);
  CHECK(ahead.submitted() == 0);
}

TEST_CASE("read_ahead: a range outside") {
  const testing::Descriptor file = testing::memfd(2 * ReadAhead::kMostBytes);
  const RegionPtr region = testing::map_file(file.get(), 2 * ReadAhead::kMostBytes);
  ReadAhead ahead;
  CHECK(ahead.add(*region, 2 * ReadAhead::kMostBytes, 1) == -ERANGE);
  CHECK(ahead.add(*region, UINT64_MAX, UINT64_MAX) == -ERANGE);
  CHECK(ahead.add(*region, 0, ReadAhead::kMostBytes) == 0);
  CHECK(ahead.submit() == 0);
}

TEST_CASE("read_ahead: more ranges than one call takes") {
  constexpr size_t kPages = 2 * 2500;
  const testing::Descriptor file = testing::memfd(kPages * kPage);
  const RegionPtr region = testing::map_file(file.get(), kPages * kPage);
  ReadAhead ahead;
  for (size_t page = 0; page < kPages; page += 2) {
    CHECK(ahead.add(*region, page * kPage, kPage) == 0);
  }
  CHECK(ahead.submitted() == 2);
  CHECK(ahead.submit() == 0);
  CHECK(ahead.submitted() == 3);
}
