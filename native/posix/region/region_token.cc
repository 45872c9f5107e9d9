#include "posix/region/region_token.h"

#include <fcntl.h>

#include <cerrno>
#include <mutex>
#include <unordered_map>

#include "posix/files/held_descriptor.h"

namespace posix_mmap {
namespace {

struct Entry {
  Region* region = nullptr;  ///< nullptr while the token is hidden
  bool described = false;
  std::string facts;
  HeldDescriptor descriptor;
};

struct Tokens {
  std::mutex mutex;
  std::unordered_map<uint64_t, Entry> entries;
};

/// Never destroyed: finalizers on other threads come here while the process ends.
Tokens& tokens() noexcept {
  static Tokens& only = *new Tokens();
  return only;
}

int duplicate_for(int fd, HeldDescriptor& out) noexcept {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return -errno;
  out = HeldDescriptor(copy);
  return 0;
}

}  // namespace

void add_token(uint64_t token, Region& region) noexcept {
  Tokens& all = tokens();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.entries[token].region = &region;
}

void hide_token(uint64_t token) noexcept {
  Tokens& all = tokens();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const auto found = all.entries.find(token);
  if (found != all.entries.end()) found->second.region = nullptr;
}

void remove_token(uint64_t token) noexcept {
  Tokens& all = tokens();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.entries.erase(token);
}

int describe_token(uint64_t token, const std::string& facts, int fd) noexcept {
  Tokens& all = tokens();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const auto found = all.entries.find(token);
  if (found == all.entries.end()) return -ESTALE;
  Entry& entry = found->second;
  if (entry.described) return 0;
  const int result = fd < 0 ? 0 : duplicate_for(fd, entry.descriptor);
  if (result != 0) return result;
  entry.facts = facts;
  entry.described = true;
  return 0;
}

int facts_of_token(uint64_t token, std::string& facts, int& fd) noexcept {
  Tokens& all = tokens();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const auto found = all.entries.find(token);
  if (found == all.entries.end()) return -ESTALE;
  const Entry& entry = found->second;
  facts = entry.facts;
  fd = -1;
  if (entry.descriptor.fd() < 0) return 0;
  HeldDescriptor copy;
  const int result = duplicate_for(entry.descriptor.fd(), copy);
  if (result != 0) return result;
  // The copy is asked, and not the kept one, so that nobody can exchange the file in between.
  if (!(copy.identity() == entry.descriptor.identity())) return -EBADF;
  fd = copy.hand_over();
  return 0;
}

Region* find_token(uint64_t token, bool (*claim)(Region&)) noexcept {
  Tokens& all = tokens();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const auto found = all.entries.find(token);
  if (found == all.entries.end()) return nullptr;
  Region* const region = found->second.region;
  return region != nullptr && claim(*region) ? region : nullptr;
}

}  // namespace posix_mmap
