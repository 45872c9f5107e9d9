#include "posix/region/region_table.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <new>

#include "posix/page_range.h"

namespace posix_mmap {
namespace {

constexpr unsigned kBits = 9;
constexpr size_t kFanout = size_t{1} << kBits;
constexpr unsigned kLevels = 4;
constexpr unsigned kAddressBits = 48;

// Nodes are never freed: a reader may be in one at any time, and the same addresses are used again.
struct Node {
  std::array<std::atomic<Region*>, kFanout> regions{};
  std::array<std::atomic<Node*>, kFanout> children{};
};

Node root;
std::mutex writers;

unsigned page_shift() noexcept {
  static const auto shift = static_cast<unsigned>(__builtin_ctzll(page_size()));
  return shift;
}

uint64_t page_number(const void* address) noexcept {
  return reinterpret_cast<uintptr_t>(address) >> page_shift();
}

/// Stores `region` in every entry that covers pages `first … last` (exclusive) below `node`.
bool fill(Node& node, unsigned level, uint64_t first, uint64_t last, Region* region) noexcept {
  const unsigned shift = kBits * level;
  const uint64_t span = uint64_t{1} << shift;
  while (first < last) {
    const size_t index = (first >> shift) & (kFanout - 1);
    const uint64_t next = ((first >> shift) + 1) << shift;
    const uint64_t stop = next < last ? next : last;
    if (level == 0 || stop - first == span) {
      node.regions[index].store(region, std::memory_order_release);
    } else {
      Node* child = node.children[index].load(std::memory_order_relaxed);
      if (child == nullptr) {
        if (region == nullptr) return true;  // undoing an insert that got no further than this
        child = new (std::nothrow) Node();
        if (child == nullptr) return false;
        node.children[index].store(child, std::memory_order_release);
      }
      if (!fill(*child, level - 1, first, stop, region)) return false;
    }
    first = stop;
  }
  return true;
}

}  // namespace

int region_table_insert(const std::byte* base, size_t length, Region* region) noexcept {
  const uint64_t first = page_number(base);
  const uint64_t last = page_number(base + length);
  if (last > uint64_t{1} << (kAddressBits - page_shift())) return -EOPNOTSUPP;
  const std::lock_guard<std::mutex> lock(writers);
  if (fill(root, kLevels - 1, first, last, region)) return 0;
  fill(root, kLevels - 1, first, last, nullptr);
  return -ENOMEM;
}

void region_table_erase(const std::byte* base, size_t length) noexcept {
  const std::lock_guard<std::mutex> lock(writers);
  fill(root, kLevels - 1, page_number(base), page_number(base + length), nullptr);
}

Region* region_table_find(const void* address) noexcept {
  const uint64_t page = page_number(address);
  if (page >> (kAddressBits - page_shift()) != 0) return nullptr;
  const Node* node = &root;
  for (unsigned level = kLevels; level-- > 0 && node != nullptr;) {
    const size_t index = (page >> (kBits * level)) & (kFanout - 1);
    Region* region = node->regions[index].load(std::memory_order_acquire);
    if (region != nullptr) return region;
    node = node->children[index].load(std::memory_order_acquire);
  }
  return nullptr;
}

}  // namespace posix_mmap
