#include "posix/region/region_users.h"

#include "posix/region/region.h"

namespace posix_mmap {

RegionRef::RegionRef(Region& region) noexcept : region_(&region) { region.add_reference(); }

void RegionRef::reset() noexcept {
  if (Region* const region = std::exchange(region_, nullptr)) region->remove_reference();
}

RegionUser::RegionUser(Region& region) noexcept : region_(&region) { region.add_user(); }

RegionUser RegionUser::of_token(uint64_t token) noexcept {
  return {find_token(token, [](Region& region) { return region.try_add_user(); }), Adopt{}};
}

void RegionUser::reset() noexcept { end_use(); }

RegionRef RegionUser::end_use() noexcept {
  Region* const region = std::exchange(region_, nullptr);
  if (region != nullptr) region->remove_user();
  return {region, RegionRef::Adopt{}};
}

}  // namespace posix_mmap
