#include "guard_pages.h"

#include "advice.h"

namespace posix_mmap {
namespace {

constexpr int kInstall = 102;  // MADV_GUARD_INSTALL, too young for many headers
constexpr int kRemove = 103;   // MADV_GUARD_REMOVE

}  // namespace

int install_guard(Region& region, uint64_t offset, uint64_t length) noexcept {
  // Before the call: from here on a fault is to be told apart page by page.
  region.set_uniform_protection(Region::kMixed);
  return advise(region, offset, length, kInstall, Rounding::inward);
}

int remove_guard(Region& region, uint64_t offset, uint64_t length) noexcept {
  return advise(region, offset, length, kRemove, Rounding::inward);
}

}  // namespace posix_mmap
