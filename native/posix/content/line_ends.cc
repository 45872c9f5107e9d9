#include "posix/content/line_ends.h"

#include <algorithm>
#include <cstring>

#include "posix/content/fault_cause.h"
#include "posix/content/file_end.h"
#include "posix/faults/guarded_section.h"
#include "posix/faults/replaced_pages.h"

namespace posix_mmap {
namespace {

struct Task {
  const std::byte* begin;
  size_t length;
  LineEnd* ends;
  size_t capacity;
  size_t count = 0;
};

void work(void* argument) noexcept {
  auto& task = *static_cast<Task*>(argument);
  task.count = find_line_ends(task.begin, task.length, task.ends, task.capacity);
}

}  // namespace

size_t find_line_ends(const std::byte* begin, size_t length, LineEnd* ends,
                      size_t capacity) noexcept {
  const std::byte* const end = begin + length;
  const std::byte* at = begin;
  size_t count = 0;
  while (count < capacity) {
    const void* const found = memchr(at, '\n', static_cast<size_t>(end - at));
    if (found == nullptr) break;
    const auto* const newline = static_cast<const std::byte*>(found);
    const bool carriage = newline > at && newline[-1] == std::byte{'\r'};
    at = newline + 1;
    ends[count++] = {static_cast<uint32_t>(newline - begin - (carriage ? 1 : 0)),
                     static_cast<uint32_t>(at - begin)};
  }
  return count;
}

LineCount find_line_ends(Region& region, uint64_t offset, uint64_t length, LineEnd* ends,
                         size_t capacity) noexcept {
  const std::byte* const begin = region.extent().data() + offset;
  const Fault replaced = find_replaced(region, begin, length);
  if (replaced.kind != FaultKind::none) return {0, explained(region, replaced, offset)};

  Task task{begin, static_cast<size_t>(length), ends, capacity};
  const SectionFault stopped = guarded_section(begin, task.length, work, &task);
  if (stopped.kind != FaultKind::none) {
    const std::byte* const lost = std::max<const std::byte*>(begin, page_of(stopped.address));
    return {0, reported(region, fault_at(region, stopped.kind, lost), offset)};
  }
  if (task.count == 0) return {};
  // Another thread's fault may have replaced a page meanwhile, and then zeros were searched.
  const uint64_t searched = ends[task.count - 1].next;
  const Fault late = find_replaced(region, begin, searched);
  if (late.kind != FaultKind::none) return {0, explained(region, late, offset)};
  const Fault end = find_past_end(region, offset, searched, Evidence::content);
  if (end.kind != FaultKind::none) return {0, end};
  return {task.count, {}};
}

}  // namespace posix_mmap
