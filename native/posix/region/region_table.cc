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

/// Part of the tree. One that is empty is taken out and used again at another place, but never
/// freed: a reader may be in it at any time. So the tree takes as much memory as it ever needed at
/// once, wherever the addresses lie.
struct Node {
  std::array<std::atomic<Region*>, kFanout> regions{};
  std::array<std::atomic<Node*>, kFanout> children{};
  /// Changes whenever the node gets another place, by which a reader notices.
  std::atomic<uint64_t> uses{0};
  // For writers only.
  size_t entries = 0;  ///< regions and children that are not null
  Node* next_spare = nullptr;
};

Node root;
Node* spare = nullptr;
std::mutex writers;

unsigned page_shift() noexcept {
  static const auto shift = static_cast<unsigned>(__builtin_ctzll(page_size()));
  return shift;
}

uint64_t page_number(const void* address) noexcept {
  return reinterpret_cast<uintptr_t>(address) >> page_shift();
}

Node* take_node() noexcept {
  Node* const node = spare;
  if (node == nullptr) return new (std::nothrow) Node();
  spare = node->next_spare;
  return node;
}

/// Takes an empty child out of its parent.
void drop_child(Node& parent, size_t index) noexcept {
  Node* const child = parent.children[index].exchange(nullptr, std::memory_order_acq_rel);
  --parent.entries;
  child->uses.fetch_add(1, std::memory_order_seq_cst);
  child->next_spare = spare;
  spare = child;
}

void store_region(Node& node, size_t index, Region* region) noexcept {
  const Region* const before = node.regions[index].exchange(region, std::memory_order_acq_rel);
  node.entries += static_cast<size_t>(region != nullptr) - static_cast<size_t>(before != nullptr);
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
      store_region(node, index, region);
    } else {
      Node* child = node.children[index].load(std::memory_order_relaxed);
      if (child == nullptr) {
        if (region == nullptr) return true;  // undoing an insert that got no further than this
        child = take_node();
        if (child == nullptr) return false;
        node.children[index].store(child, std::memory_order_release);
        ++node.entries;
      }
      const bool filled = fill(*child, level - 1, first, stop, region);
      if (child->entries == 0) drop_child(node, index);
      if (!filled) return false;
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
  uint64_t use = 0;
  for (unsigned level = kLevels; level-- > 0 && node != nullptr;) {
    const size_t index = (page >> (kBits * level)) & (kFanout - 1);
    Region* const region = node->regions[index].load(std::memory_order_acquire);
    const Node* const child = node->children[index].load(std::memory_order_acquire);
    const uint64_t child_use = child == nullptr ? 0 : child->uses.load(std::memory_order_acquire);
    // A node that is used again elsewhere was taken out first, when its last region had gone: so
    // there is no region that was at the address all the time.
    const bool same = node->children[index].load(std::memory_order_acquire) == child &&
                      node->uses.load(std::memory_order_seq_cst) == use;
    if (!same) return nullptr;
    if (region != nullptr) return region;
    node = child;
    use = child_use;
  }
  return nullptr;
}

}  // namespace posix_mmap
