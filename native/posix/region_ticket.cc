#include "region_ticket.h"

#include <sys/random.h>

#include <ctime>
#include <mutex>
#include <unordered_map>

#include "region.h"

namespace posix_mmap {
namespace {

struct Office {
  std::mutex mutex;
  std::unordered_map<uint64_t, Region*> regions;
  uint64_t id = 0;
};

/// Never destroyed: finalizers on other threads come here while the process ends.
Office& office() noexcept {
  static Office& only = *[] {
    auto* const made = new Office();
    if (getrandom(&made->id, sizeof(made->id), GRND_NONBLOCK) != sizeof(made->id)) {
      timespec now{};
      clock_gettime(CLOCK_MONOTONIC, &now);
      made->id = static_cast<uint64_t>(now.tv_sec) << 30U ^ static_cast<uint64_t>(now.tv_nsec);
    }
    made->id &= (uint64_t{1} << 53U) - 1;
    return made;
  }();
  return only;
}

}  // namespace

uint64_t issue_ticket(Region& region) noexcept {
  Office& here = office();
  const std::lock_guard<std::mutex> lock(here.mutex);
  here.regions[region.serial()] = &region;
  region.ticketed().store(true, std::memory_order_release);
  return region.serial();
}

Region* redeem_ticket(uint64_t ticket) noexcept {
  Office& here = office();
  // Under the lock a region that is listed cannot be given back and its record used again.
  const std::lock_guard<std::mutex> lock(here.mutex);
  const auto found = here.regions.find(ticket);
  if (found == here.regions.end() || !found->second->try_join()) return nullptr;
  return found->second;
}

void void_ticket(Region& region) noexcept {
  Office& here = office();
  const std::lock_guard<std::mutex> lock(here.mutex);
  here.regions.erase(region.serial());
}

uint64_t ticket_office() noexcept { return office().id; }

}  // namespace posix_mmap
