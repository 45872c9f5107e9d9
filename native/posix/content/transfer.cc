#include "posix/content/transfer.h"

#include <algorithm>
#include <array>

#include "posix/content/fault_cause.h"
#include "posix/content/file_end.h"
#include "posix/faults/guarded_copy.h"
#include "posix/faults/replaced_pages.h"
#include "posix/region/region_table.h"

namespace posix_mmap {
namespace {

/// A range of a region, on one side of a copy.
struct Side {
  Region& region;
  const std::byte* begin;
  uint64_t length;

  uint64_t offset() const noexcept { return byte_offset(region.extent(), begin); }

  /// The first of its pages that stands in for another one.
  Fault replaced() const noexcept {
    if (!region.faults().any_replaced()) return {};
    const Fault fault = find_replaced(region, begin, length);
    return fault.kind == FaultKind::none ? fault : explained(region, fault, offset());
  }
  /// What is not the file's of it any more.
  Fault past_end(Evidence evidence) const noexcept {
    return find_past_end(region, offset(), length, evidence);
  }
  bool holds(const std::byte* address) const noexcept {
    return address >= begin && address < begin + length;
  }
  /// What was recorded a moment ago for an access to `address`.
  Fault latest(const std::byte* address) const noexcept {
    const FaultKind kind = region.faults().latest_kind();
    const FaultKind known = kind == FaultKind::none ? FaultKind::no_access : kind;
    return explained(region, fault_at(region, known, address), offset());
  }
};

/// Whether a copy from its start would overwrite bytes that are still to be copied.
bool overlaps_behind(const std::byte* from, const std::byte* to, uint64_t length) noexcept {
  return from < to && to < from + length;
}

/// Copies to higher addresses of the same memory, last chunk first. Returns the address that could
/// not be accessed, or nullptr.
const std::byte* copy_backward(std::byte* to, const std::byte* from, size_t length) noexcept {
  std::array<std::byte, size_t{4} * 1024> chunk;
  size_t end = length;
  while (end > 0) {
    const size_t size = std::min(end, chunk.size());
    Copied copied = guarded_copy(chunk.data(), from + end - size, size);
    if (copied.left == 0) copied = guarded_copy(to + end - size, chunk.data(), size);
    if (copied.left != 0) return copied.fault;
    end -= size;
  }
  return nullptr;
}

/// Whether the zeros at the end of a copy stand in memory now: those that were there before the
/// file was looked at and are there afterwards are the file's. Looks at a few, since one tells.
bool zeros_still(const std::byte* memory, const std::byte* copy, size_t length) noexcept {
  std::array<std::byte, 8> now;
  const size_t looked_at = std::min(length, now.size());
  const size_t start = length - looked_at;
  if (guarded_copy(now.data(), memory + start, looked_at).left > 0) return false;
  size_t at = looked_at;
  while (at > 0 && copy[start + at - 1] == std::byte{0}) {
    --at;
    if (now[at] != std::byte{0}) return false;
  }
  return true;
}

/// What ended a copy to `target`: a page of the region, or one of the region that the target is of.
Fault latest_of(const Side& side, const std::byte* target, const std::byte* address) noexcept {
  Region* const origin = side.holds(address) ? nullptr : region_table_find(target);
  return origin == nullptr ? side.latest(address)
                           : Side{*origin, target, side.length}.latest(address);
}

}  // namespace

Fault copy_out(Region& region, uint64_t offset, uint64_t length, std::byte* target) noexcept {
  const Side side{region, region.extent().data() + offset, length};
  if (side.holds(target) || (target < side.begin && side.begin < target + length)) {
    return copy_in(region, byte_offset(region.extent(), target), length, side.begin);
  }
  Fault fault = side.replaced();
  if (fault.kind != FaultKind::none || length == 0) return fault;
  const bool can_end = region.file().can_shrink();
  // A file that is cut and written again is not short for long: each copy is between two looks.
  constexpr int kMostTries = 4;
  for (int tries = 0; tries < kMostTries; ++tries) {
    const bool stood = !can_end || ends_in_content(side.begin, length);
    const Copied copied = guarded_copy(target, side.begin, length);
    if (copied.left > 0) return latest_of(side, target, copied.fault);
    fault = side.replaced();  // another thread's fault in the meantime
    if (fault.kind != FaultKind::none || !can_end) return fault;
    const bool stands = target[length - 1] != std::byte{0};
    if (stands && stood) return {};
    if (stands) continue;
    fault = side.past_end(Evidence::behind);
    if (fault.kind != FaultKind::none || zeros_still(side.begin, target, length)) return fault;
  }
  return {};
}

bool copies_backward(const Region& region, uint64_t offset, uint64_t length, const std::byte* other,
                     Direction direction) noexcept {
  const std::byte* const memory = region.extent().data() + offset;
  return direction == Direction::in ? overlaps_behind(other, memory, length)
                                    : overlaps_behind(memory, other, length);
}

Fault copy_in(Region& region, uint64_t offset, uint64_t length, const std::byte* source) noexcept {
  std::byte* const to = region.extent().data() + offset;
  const Side target{region, to, length};
  Region* const origin = region_table_find(source);
  // Whoever is given bytes of another file must be given that file's.
  const Side other{origin == nullptr ? region : *origin, source, origin == nullptr ? 0 : length};

  const auto first_of = [](auto... looks) noexcept {
    Fault fault;
    static_cast<void>(((fault = looks(), fault.kind != FaultKind::none) || ...));
    return fault;
  };
  const Fault before = first_of([&] { return target.replaced(); }, [&] { return other.replaced(); },
                                [&] { return target.past_end(Evidence::content); },
                                [&] { return other.past_end(Evidence::content); });
  if (before.kind != FaultKind::none) return before;
  const bool backward = overlaps_behind(source, to, length);
  const std::byte* const failed =
      backward ? copy_backward(to, source, length) : guarded_copy(to, source, length).fault;
  if (failed != nullptr) return (other.holds(failed) ? other : target).latest(failed);
  return first_of([&] { return target.replaced(); },
                  [&] { return target.past_end(Evidence::behind); },
                  [&] { return other.past_end(Evidence::content); });
}

Fault copy_from(const std::byte* source, uint64_t length, std::byte* target) noexcept {
  Region* const origin = region_table_find(source);
  if (origin != nullptr) {
    return copy_out(*origin, byte_offset(origin->extent(), source), length, target);
  }
  guarded_copy(target, source, length);
  return {};
}

}  // namespace posix_mmap
