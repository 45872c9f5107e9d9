#include "posix/region/region_users.h"

#include <utility>

#include "posix/region/region_table.h"
#include "support/memory.h"

using posix_mmap::live_regions;
using posix_mmap::region_table_find;
using posix_mmap::RegionRef;
using posix_mmap::RegionUser;
using testing::data;
using testing::kPage;
using testing::load;

TEST_CASE("region_users: the last of users and references unmaps, whatever was moved where") {
  const size_t live = live_regions();
  RegionUser first = testing::map_anonymous(kPage);
  const std::byte* const start = data(first);
  RegionUser second(*first);
  CHECK(first->users() == 2);
  RegionUser third = std::move(second);
  CHECK_FALSE(second);  // NOLINT: what a move leaves behind is asked on purpose
  CHECK(third->users() == 2);
  first = std::move(third);
  CHECK(first->users() == 1);
  CHECK(region_table_find(start) == first.get());
  first.reset();
  first.reset();
  CHECK(live_regions() == live);
  CHECK(region_table_find(start) == nullptr);
}

TEST_CASE("region_users: the last use ends in zeros while there are references") {
  const size_t live = live_regions();
  const testing::Descriptor file = testing::patterned_memfd(kPage);
  RegionUser user = testing::map_file(file.get(), kPage);
  RegionUser other(*user);
  const std::byte* const start = data(user);
  const RegionRef kept = user.end_use();
  CHECK_FALSE(user);
  CHECK(load(start) == testing::pattern(0));  // there is another user
  RegionRef last(*other);
  other.reset();
  CHECK(load(start) == std::byte{0});
  last.reset();
  CHECK(load(start) == std::byte{0});  // its addresses are taken
  CHECK(live_regions() == live + 1);
}

TEST_CASE("region_users: a user that is kept for good is never unmapped") {
  const testing::Descriptor file = testing::patterned_memfd(kPage);
  const size_t live = live_regions();
  RegionUser user = testing::map_file(file.get(), kPage);
  const std::byte* const start = data(user);
  {
    RegionUser forever(*user);
    forever.keep_for_good();
  }
  user.reset();
  CHECK(live_regions() == live + 1);
  CHECK(load(start) == testing::pattern(0));
}
