#include "posix/content/search.h"

#include <algorithm>

#include "posix/content/fault_cause.h"
#include "posix/content/file_end.h"
#include "posix/content/find_bytes.h"
#include "posix/faults/guarded_section.h"
#include "posix/faults/replaced_pages.h"

namespace posix_mmap {
namespace {

struct Needle {
  const std::byte* data;
  size_t length;
};

/// A place, a fault on a page that was to be searched, or neither.
struct Outcome {
  const std::byte* place = nullptr;
  Fault fault;
  bool unreported = false;  // nobody has recorded the fault yet

  bool neither() const noexcept { return place == nullptr && fault.kind == FaultKind::none; }
};

struct Task {
  const std::byte* begin;
  size_t length;
  Needle needle;
  const std::byte* place = nullptr;
};

void work(void* argument) noexcept {
  auto& task = *static_cast<Task*>(argument);
  task.place = find_bytes(task.begin, task.length, task.needle.data, task.needle.length);
}

/// Searches up to the first page that cannot be searched. A place before that page is still found.
Outcome first_in(const Region& region, const std::byte* begin, const std::byte* end,
                 const Needle& needle) noexcept {
  Outcome outcome;
  outcome.fault = find_replaced(region, begin, static_cast<size_t>(end - begin));
  if (outcome.fault.kind != FaultKind::none) end = region.extent().data() + outcome.fault.offset;

  Task task{begin, static_cast<size_t>(end - begin), needle};
  const SectionFault stopped = guarded_section(begin, task.length, work, &task);
  if (stopped.kind != FaultKind::none) {
    const std::byte* const page = page_of(stopped.address);
    return {nullptr, fault_at(region, stopped.kind, std::max<const std::byte*>(begin, page)), true};
  }
  const std::byte* const place = task.place;
  const std::byte* const searched = place == nullptr ? end : place + needle.length;
  // Another thread's fault may have replaced a page meanwhile, and then zeros were searched.
  const Fault late = find_replaced(region, begin, static_cast<size_t>(searched - begin));
  if (late.kind != FaultKind::none) return {nullptr, late};
  if (place != nullptr) return {place, {}};
  return outcome;
}

/// The highest place that begins in `low … high`, or the highest page without which it cannot be
/// known. Finds one place and then halves the range above it, which searches the same bytes twice
/// at most.
Outcome last_in(const Region& region, const std::byte* low, const std::byte* high,
                const Needle& needle) noexcept {
  Outcome best;
  while (low < high) {
    const std::byte* const from = best.place == nullptr ? low : low + (high - low) / 2;
    const Outcome next = first_in(region, from, high - 1 + needle.length, needle);
    if (next.neither()) {
      high = from;
      continue;
    }
    best = next;
    low = next.place != nullptr
              ? next.place + 1
              : region.extent().data() + page_end(region.extent(), next.fault.offset);
  }
  return best;
}

/// A match is one if it lies in the file; that there is none is known of bytes that do.
Found answer(Region& region, uint64_t offset, uint64_t length, const Outcome& outcome) noexcept {
  if (outcome.fault.kind != FaultKind::none) {
    const auto finish = outcome.unreported ? reported : explained;
    return {Found::kNowhere, finish(region, outcome.fault, offset)};
  }
  const Fault end = find_past_end(region, offset, length, Evidence::content);
  if (end.kind != FaultKind::none) return {Found::kNowhere, end};
  if (outcome.place == nullptr) return {};
  return {byte_offset(region.extent(), outcome.place), {}};
}

}  // namespace

Found find_first(Region& region, uint64_t offset, uint64_t length, const std::byte* needle,
                 size_t needle_length) noexcept {
  if (needle_length > length) return {};
  const std::byte* const begin = region.extent().data() + offset;
  const Outcome outcome = first_in(region, begin, begin + length, {needle, needle_length});
  // Nothing depends on what lies behind a match.
  if (outcome.place != nullptr) {
    const std::byte* const end = outcome.place + needle_length;
    length = static_cast<uint64_t>(end - begin);
  }
  return answer(region, offset, length, outcome);
}

Found find_last(Region& region, uint64_t offset, uint64_t length, const std::byte* needle,
                size_t needle_length) noexcept {
  if (needle_length > length) return {};
  // A window holds the places where a match may begin. Its search also reads the needle's length
  // beyond it, so a window that is not much longer than the needle would read most bytes twice.
  const size_t window = std::max(size_t{256} << 10, 4 * needle_length);
  const std::byte* const low = region.extent().data() + offset;
  const std::byte* high = low + (length - needle_length) + 1;
  Outcome outcome;
  while (low < high && outcome.neither()) {
    const std::byte* const begin = high - std::min(window, static_cast<size_t>(high - low));
    outcome = last_in(region, begin, high, {needle, needle_length});
    high = begin;
  }
  if (outcome.fault.kind != FaultKind::none) {
    // The fault is reported at the start of its page, wherever in the page the search began.
    uint64_t& lost = outcome.fault.offset;
    lost = std::max(offset, page_start(region.extent(), lost));
  }
  return answer(region, offset, length, outcome);
}

}  // namespace posix_mmap
