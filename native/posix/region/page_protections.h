// Which protection was set for which pages of a region: runs of pages that are alike. Whoever uses
// them has the turn to repair the region, so that a signal handler can read them too.
#pragma once

#include <cstddef>
#include <memory>

namespace posix_mmap {

class PageProtections {
 public:
  /// A protection that is not known, because mprotect(2) failed between two pages.
  static constexpr int kUnknown = -1;

  struct Run {
    size_t first = 0;
    size_t last = 0;  ///< exclusive
    int prot = 0;     ///< PROT_… bits or kUnknown
  };

  PageProtections() = default;
  PageProtections(const PageProtections&) = delete;
  PageProtections& operator=(const PageProtections&) = delete;

  /// All of `pages` pages have `prot`. Gives memory back.
  void reset(size_t pages, int prot) noexcept;
  /// Takes memory for what one set() adds; false if there is none.
  bool reserve() noexcept;
  /// Pages `first … last` (exclusive) have `prot` from now on. After reserve().
  void set(size_t first, size_t last, int prot) noexcept;

  /// How many runs there are: 1 if all pages are alike.
  size_t count() const noexcept { return count_; }
  Run run(size_t index) const noexcept;
  /// The run that holds a page.
  Run run_of(size_t page) const noexcept;
  /// The protection of every page, or kUnknown when pages differ.
  int uniform() const noexcept { return count_ == 1 ? starts_[0].prot : kUnknown; }

 private:
  struct Start {
    size_t first = 0;
    int prot = 0;
  };
  /// How many runs begin before `page`.
  size_t starts_before(size_t page) const noexcept;

  Start one_;
  std::unique_ptr<Start[]> many_;
  Start* starts_ = &one_;  ///< or the first of many
  size_t capacity_ = 1;
  size_t count_ = 1;
  size_t pages_ = 0;
};

}  // namespace posix_mmap
