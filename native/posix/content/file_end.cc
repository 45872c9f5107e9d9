#include "posix/content/file_end.h"

#include <algorithm>

#include "posix/faults/fault_guard.h"
#include "posix/faults/guarded_section.h"
#include "posix/faults/replaced_pages.h"

namespace posix_mmap {
namespace {

constexpr uint64_t kUnknown = UINT64_MAX;

/// Whether a page says that the file goes on to `last`, the last byte of a range, or beyond.
struct Look {
  const std::byte* last;
  const std::byte* next;  ///< the page behind it
  bool in_range;
  bool in_page;
  bool found = false;
};

// Other threads and other programs store there as they like, and a repair replaces the page, which
// ThreadSanitizer takes for a mistake.
#if defined(__clang__)
[[clang::disable_sanitizer_instrumentation]]
#endif
bool stands(const std::byte* at) noexcept {
  return *static_cast<const volatile std::byte*>(at) != std::byte{0};
}

void look(void* argument) noexcept {
  auto& task = *static_cast<Look*>(argument);
  task.found = (task.in_range && stands(task.last)) || (task.in_page && stands(task.next - 1));
}

/// Whether a page is the file's: a private page in its place tells nothing of the file.
bool is_own(const Region& region, const std::byte* at) noexcept {
  const FaultLog& faults = region.faults();
  return !faults.any_replaced() || faults.replaced(region.page_index(at)) == FaultKind::none;
}

bool goes_on(const Region& region, const std::byte* last, Evidence evidence) noexcept {
  const std::byte* const next = next_page(last);
  const bool own = evidence != Evidence::none && is_own(region, last);
  Look task{.last = last,
            .next = next,
            .in_range = own && evidence == Evidence::content,
            .in_page = own && (evidence == Evidence::content || last + 1 != next)};
  if (!task.in_range && !task.in_page) return false;
  // That the next page can be read would tell as much, but the program did not ask for it: a look
  // at it would read it in, from a disk perhaps, and give a hole memory.
  guarded_section(last, static_cast<size_t>(next - last), look, &task);
  return task.found;
}

void touch(void* argument) noexcept { stands(static_cast<const std::byte*>(argument)); }

bool readable(std::byte* at) noexcept {
  return guarded_section(at, 1, touch, at).kind == FaultKind::none;
}

/// The size of the file as it counts for a page that could be read: kUnknown where it means
/// nothing.
uint64_t size_that_counts(Region& region, std::byte* last) noexcept {
  int64_t size = region.file().size_at_hand();
  if (size < 0) {
    // Reading /proc/self/maps may take milliseconds: first see whether the file goes on behind.
    auto* const next = const_cast<std::byte*>(next_page(last));
    const bool inside = next < region.extent().base + region.extent().mapped_length;
    if (inside && is_own(region, next) && readable(next)) return kUnknown;
    size = region.file().size(region.extent());
  }
  if (size < 0) return kUnknown;
  // Files that the kernel makes up say 0 and can be read nevertheless; of a file that was emptied,
  // every page is gone.
  if (size == 0 && is_own(region, last) && readable(last)) return kUnknown;
  return static_cast<uint64_t>(size);
}

uint64_t from_start(const Region& region, uint64_t size) noexcept {
  if (size == kUnknown) return kUnknown;
  const uint64_t first = region.file().offset() + region.extent().lead;
  return size > first ? size - first : 0;
}

Fault tell_end(Region& region, uint64_t offset, uint64_t size) noexcept {
  const Fault fault{FaultKind::truncated, offset, 1};
  region.file().told_end().store(static_cast<int64_t>(size), std::memory_order_relaxed);
  fault_guard_report(region, fault);
  // A look at the page would find nothing wrong with it.
  if (region.faults().peek().offset == offset) {
    region.fault_causes().keep(region.page_index(region.extent().data() + offset), 0);
  }
  return fault;
}

}  // namespace

bool ends_in_content(const std::byte* begin, uint64_t length) noexcept {
  const std::byte* const last = begin + length - 1;
  Look task{.last = last, .next = last + 1, .in_range = true, .in_page = false};
  guarded_section(last, 1, look, &task);
  return task.found;
}

Fault find_past_end(Region& region, uint64_t offset, uint64_t length, Evidence evidence) noexcept {
  if (length == 0 || !region.file().can_shrink()) return {};
  std::byte* const last = region.extent().data() + offset + length - 1;
  if (goes_on(region, last, evidence)) return {};
  const uint64_t size = size_that_counts(region, last);
  const uint64_t end = from_start(region, size);
  if (end >= offset + length) return {};
  return tell_end(region, std::max(offset, end), size);
}

Fault find_silent_end(Region& region, bool again) noexcept {
  MappedFile& file = region.file();
  const Extent& extent = region.extent();
  if (extent.byte_length == 0 || !file.can_shrink()) return {};
  std::byte* const last = extent.data() + extent.byte_length - 1;
  const bool there = goes_on(region, last, Evidence::content);
  const uint64_t size = there ? kUnknown : size_that_counts(region, last);
  const uint64_t end = from_start(region, size);
  const int64_t told = file.told_end().load(std::memory_order_relaxed);
  if (end >= extent.byte_length) {
    if (told != MappedFile::kNowhere) file.told_end().store(MappedFile::kNowhere);
    return {};
  }
  // Of pages that are gone as a whole, each access is a fault.
  if (offset_in_page(size) == 0) return {};
  if (!again && told == static_cast<int64_t>(size)) return {};
  return tell_end(region, end, size);
}

uint64_t file_end(Region& region) noexcept {
  if (!region.file().can_shrink()) return kUnknown;
  const int64_t size = region.file().size(region.extent());
  return from_start(region, size < 0 ? kUnknown : static_cast<uint64_t>(size));
}

}  // namespace posix_mmap
