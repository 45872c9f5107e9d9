// A region shown at addresses of somebody else's.
#include "posix/region/overlay.h"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <cerrno>

#include "posix/calls/protection.h"
#include "support/memory.h"

using posix_mmap::overlay_region;
using posix_mmap::overlay_zeros;
using testing::data;
using testing::kPage;

namespace {

/// Pages that stand for those of the JavaScript engine.
class Foreign {
 public:
  explicit Foreign(size_t length) : length_(length) {
    void* pages = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(pages != MAP_FAILED);
    start_ = static_cast<std::byte*>(pages);
  }
  ~Foreign() { munmap(start_, length_); }
  Foreign(const Foreign&) = delete;
  Foreign& operator=(const Foreign&) = delete;
  std::byte* start() const { return start_; }

 private:
  std::byte* start_;
  size_t length_;
};

}  // namespace

TEST_SUITE("overlay") {
  TEST_CASE("shows the same pages, also when the region has gone") {
    const Foreign foreign(2 * kPage);
    const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
    {
      const testing::RegionPtr region = testing::map_file(file.get(), 2 * kPage);
      REQUIRE(overlay_region(*region, foreign.start()) == 0);
      testing::store(foreign.start() + kPage, std::byte{9});
      CHECK(testing::load(data(region) + kPage) == std::byte{9});
    }
    CHECK(testing::load(foreign.start() + kPage) == std::byte{9});
    CHECK(overlay_zeros(foreign.start(), kPage + 1) == 0);
    CHECK(testing::load(foreign.start() + kPage) == std::byte{0});
  }

  TEST_CASE("refuses what would have to be looked after") {
    const Foreign foreign(2 * kPage);
    const testing::Descriptor file = testing::patterned_memfd(2 * kPage);
    const testing::RegionPtr anonymous = testing::map_anonymous(kPage);
    CHECK(overlay_region(*anonymous, foreign.start()) == -EINVAL);
    const testing::RegionPtr region = testing::map_file(file.get(), kPage);
    CHECK(overlay_region(*region, foreign.start() + 1) == -EINVAL);
    CHECK(posix_mmap::protect(*region, 0, kPage, PROT_READ) == 0);
    CHECK(overlay_region(*region, foreign.start()) == -EINVAL);
    testing::store(foreign.start(), std::byte{1});
  }
}
