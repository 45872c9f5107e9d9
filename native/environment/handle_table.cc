#include "environment/handle_table.h"

#include <utility>

namespace posix_mmap {
namespace {

// A handle is generation * 2**24 + slot + 1, so that it stays below 2**53.
constexpr unsigned kSlotBits = 24;
constexpr uint32_t kGenerations = 1U << 29;

}  // namespace

bool Holding::take_unreported() {
  const uint64_t records = region->faults().records();
  return std::exchange(reported, records) != records;
}

uint64_t HandleTable::handle_of(size_t slot) const {
  return (uint64_t{holdings_[slot].generation} << kSlotBits) | (slot + 1);
}

uint64_t HandleTable::add(RegionUser region) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<uint32_t>(holdings_.size()));
    holdings_.emplace_back();
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  Holding& holding = holdings_[slot];
  holding.reported = region->faults().records();
  holding.region = std::move(region);
  return handle_of(slot);
}

Holding* HandleTable::find(uint64_t handle) {
  const uint64_t slot = (handle & ((uint64_t{1} << kSlotBits) - 1)) - 1;
  if (slot >= holdings_.size() || handle_of(slot) != handle) return nullptr;
  Holding& holding = holdings_[slot];
  return holding.region ? &holding : nullptr;
}

RegionUser HandleTable::remove(uint64_t handle) {
  Holding* const holding = find(handle);
  holding->buffers.clear();
  holding->lease = nullptr;
  holding->generation = (holding->generation + 1) % kGenerations;
  free_slots_.push_back(static_cast<uint32_t>(holding - holdings_.data()));
  return std::move(holding->region);
}

}  // namespace posix_mmap
