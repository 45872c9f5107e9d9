#include "posix/region/page_protections.h"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

namespace posix_mmap {

void PageProtections::reset(size_t pages, int prot) noexcept {
  many_.reset();
  starts_ = &one_;
  capacity_ = 1;
  count_ = 1;
  pages_ = pages;
  one_ = {0, prot};
}

bool PageProtections::reserve() noexcept {
  if (count_ + 2 <= capacity_) return true;
  const size_t capacity = 2 * capacity_ + 2;
  std::unique_ptr<Start[]> more(new (std::nothrow) Start[capacity]);
  if (more == nullptr) return false;
  std::copy_n(starts_, count_, more.get());
  many_ = std::move(more);
  starts_ = many_.get();
  capacity_ = capacity;
  return true;
}

size_t PageProtections::starts_before(size_t page) const noexcept {
  const auto begins_before = [](const Start& start, size_t at) { return start.first < at; };
  const Start* const all = starts_;
  return static_cast<size_t>(std::lower_bound(all, all + count_, page, begins_before) - all);
}

void PageProtections::set(size_t first, size_t last, int prot) noexcept {
  if (first >= last) return;
  Start* const all = starts_;
  const size_t from = starts_before(first);
  size_t to = starts_before(last);
  std::array<Start, 2> fresh;
  size_t added = 0;
  if (from == 0 || all[from - 1].prot != prot) fresh[added++] = {first, prot};
  if (last < pages_) {
    const bool meets = to < count_ && all[to].first == last;
    const int after = meets ? all[to].prot : all[to - 1].prot;
    if (meets) ++to;
    if (after != prot) fresh[added++] = {last, after};
  }
  const size_t gone = to - from;
  if (added > gone) {
    std::copy_backward(all + to, all + count_, all + count_ + (added - gone));
  } else {
    std::copy(all + to, all + count_, all + from + added);
  }
  std::copy_n(fresh.begin(), added, all + from);
  count_ = count_ + added - gone;
}

PageProtections::Run PageProtections::run(size_t index) const noexcept {
  const Start* const all = starts_;
  return {all[index].first, index + 1 < count_ ? all[index + 1].first : pages_, all[index].prot};
}

PageProtections::Run PageProtections::run_of(size_t page) const noexcept {
  return run(starts_before(page + 1) - 1);
}

}  // namespace posix_mmap
