#include "posix/region/region_token.h"

#include <sys/random.h>

#include <ctime>
#include <mutex>
#include <unordered_map>

namespace posix_mmap {
namespace {

struct Tokens {
  std::mutex mutex;
  std::unordered_map<uint64_t, Region*> regions;
  uint64_t origin = 0;
};

/// Never destroyed: finalizers on other threads come here while the process ends.
Tokens& tokens() noexcept {
  static Tokens& only = *[] {
    auto* const made = new Tokens();
    if (getrandom(&made->origin, sizeof(made->origin), GRND_NONBLOCK) != sizeof(made->origin)) {
      timespec now{};
      clock_gettime(CLOCK_MONOTONIC, &now);
      made->origin = static_cast<uint64_t>(now.tv_sec) << 30U ^ static_cast<uint64_t>(now.tv_nsec);
    }
    made->origin &= (uint64_t{1} << 53U) - 1;
    return made;
  }();
  return only;
}

}  // namespace

void add_token(uint64_t token, Region& region) noexcept {
  Tokens& all = tokens();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.regions[token] = &region;
}

void remove_token(uint64_t token) noexcept {
  Tokens& all = tokens();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.regions.erase(token);
}

Region* find_token(uint64_t token, bool (*claim)(Region&)) noexcept {
  Tokens& all = tokens();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const auto found = all.regions.find(token);
  if (found == all.regions.end() || !claim(*found->second)) return nullptr;
  return found->second;
}

uint64_t token_origin() noexcept { return tokens().origin; }

}  // namespace posix_mmap
