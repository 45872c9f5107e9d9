#include "posix/range_call.h"

#include <cerrno>
#include <climits>

#include "posix/calls/advice.h"
#include "posix/calls/lock.h"
#include "posix/calls/protection.h"
#include "support/child.h"
#include "support/memory.h"

using posix_mmap::on_pages;
using posix_mmap::PageRange;
using posix_mmap::Rounding;
using posix_mmap::Splits;
using testing::kPage;
using testing::page;
using testing::RegionPtr;

TEST_CASE("on_pages: calls with whole pages, and not at all when there are none") {
  const RegionPtr region = testing::map_anonymous(3 * kPage);
  int calls = 0;
  const auto call = [&](PageRange pages) {
    ++calls;
    CHECK(pages.start == page(region, 1));
    CHECK(pages.length == kPage);
    return 7;
  };
  CHECK(on_pages(*region, kPage + 1, 1, Rounding::outward, Splits::no, call) == 7);
  CHECK(on_pages(*region, kPage - 1, kPage + 1, Rounding::strict, Splits::yes, call) == 7);
  CHECK(calls == 2);
  CHECK(on_pages(*region, 1, kPage, Rounding::strict, Splits::no, call) == 0);
  CHECK(on_pages(*region, 3 * kPage, 0, Rounding::outward, Splits::yes, call) == 0);
  CHECK(on_pages(*region, 3 * kPage, 1, Rounding::outward, Splits::no, call) == -ERANGE);
  CHECK(on_pages(*region, UINT64_MAX, 2, Rounding::outward, Splits::no, call) == -ERANGE);
  CHECK(calls == 2);
}

TEST_CASE("on_pages: a call that splits is refused when there is no kernel mapping to spare") {
  testing::in_child([] {
    const RegionPtr region = testing::map_anonymous(4 * kPage);
    // Takes the budget far below zero, and the count that follows finds no room for so many.
    CHILD_CHECK(posix_mmap::map_budget_ask(INT_MAX / 2) == -ENOMEM);
    const auto call = [](PageRange) { return 7; };
    const auto splits = [&](Splits answer) {
      return on_pages(*region, kPage, kPage, Rounding::outward, answer, call);
    };
    CHILD_CHECK(splits(Splits::no) == 7);
    CHILD_CHECK(splits(Splits::yes) == -ENOMEM);
    CHILD_CHECK(posix_mmap::unlock_pages(*region, kPage, kPage) == -ENOMEM);
    CHILD_CHECK(posix_mmap::lock_pages(*region, kPage, kPage, true) == -ENOMEM);
    CHILD_CHECK(posix_mmap::protect(*region, kPage, kPage, PROT_READ) == -ENOMEM);
    CHILD_CHECK(posix_mmap::advise(*region, kPage, kPage, MADV_DONTDUMP) == -ENOMEM);
  });
}
