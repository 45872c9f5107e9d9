#include "posix/threads/region_work.h"

#include <cerrno>
#include <tuple>

#include "posix/threads/copy_steps.h"
#include "posix/threads/prefetch_steps.h"
#include "posix/threads/range_steps.h"
#include "support/memory.h"

using posix_mmap::CopySteps;
using posix_mmap::OffsetRange;
using posix_mmap::PrefetchSteps;
using posix_mmap::RangeSteps;
using posix_mmap::RegionSteps;
using posix_mmap::RegionWork;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::Region;
using testing::RegionPtr;

namespace {

/// Work that is run here.
class Work final : public RegionWork {
 public:
  using RegionWork::RegionWork;
  using RegionWork::steps;
  int result = 1;
  int told = 0;
  int cancel_after = -1;

 private:
  void progressed() noexcept override {
    if (++told == cancel_after) cancel();
  }
  void finished(int how) noexcept override { result = how; }
};

template <typename Steps>
const Steps& steps_of(const Work& work) {
  return static_cast<const Steps&>(work.steps());
}

/// Counts in the first byte of each piece how often it was worked on.
int count(Region& region, uint64_t offset, uint64_t /*length*/, int by) {
  std::byte* const at = region.extent().data() + offset;
  testing::store(at, std::byte(int(testing::load(at)) + by));
  return offset >= 3 * kPage ? -EIO : 0;
}

int uncount(Region& region, uint64_t offset, uint64_t length, int /*by*/) {
  for (uint64_t at = offset; at < offset + length; at += kPage) {
    testing::store(region.extent().data() + at, std::byte{9});
  }
  return 0;
}

}  // namespace

TEST_CASE("region_work: a range piece by piece, to its end, to an error, to a cancellation") {
  const RegionPtr region = testing::map_anonymous(5 * kPage);
  const auto request = [](uint64_t pages) {
    return posix_mmap::RangeRequest{.call = count,
                                    .undo = uncount,
                                    .offset = 0,
                                    .length = pages * kPage,
                                    .piece = kPage,
                                    .argument = 1};
  };
  const auto bytes = [&] {
    std::vector<int> found;
    for (size_t i = 0; i < 5; ++i) found.push_back(int(testing::load(testing::page(region, i))));
    return found;
  };
  Work well(*region, std::make_unique<RangeSteps>(request(3)));
  well.run();
  CHECK(well.result == 0);
  CHECK(well.done() == 3 * kPage);
  CHECK(well.told == 2);
  CHECK((bytes() == std::vector<int>{1, 1, 1, 0, 0}));
  Work failing(*region, std::make_unique<RangeSteps>(request(5)));
  failing.run();
  CHECK(failing.result == -EIO);
  CHECK(failing.done() == 3 * kPage);
  CHECK((bytes() == std::vector<int>{9, 9, 9, 9, 0}));
  Work stopped(*region, std::make_unique<RangeSteps>(request(3)));
  stopped.cancel_after = 2;
  stopped.run();
  CHECK(stopped.result == -ECANCELED);
  CHECK((bytes() == std::vector<int>{9, 9, 9, 9, 0}));
  Work nothing(*region, std::make_unique<RangeSteps>(request(0)));
  nothing.run();
  CHECK(nothing.result == 0);
}

TEST_CASE("region_work: keeps the region until it has ended") {
  RegionPtr region = testing::map_anonymous(kPage);
  Region& kept = *region;
  Work work(*region, std::make_unique<CopySteps>(0, kPage, 0));
  testing::store(testing::page(region, 0), std::byte{5});
  region.reset();
  CHECK(kept.users() == 1);
  work.run();
  CHECK(work.result == 0);
  CHECK(steps_of<CopySteps>(work).bytes()[0] == std::byte{5});
}

TEST_CASE("copy_steps: the bytes, or the fault, or -ERANGE") {
  const testing::Descriptor file = testing::patterned_memfd(3 * kPage);
  const RegionPtr region = testing::map_file(file.get(), 3 * kPage);
  const auto copy = [&](uint64_t offset, uint64_t length, uint64_t ahead) {
    Work work(*region, std::make_unique<CopySteps>(offset, length, ahead));
    work.run();
    const auto& steps = steps_of<CopySteps>(work);
    testing::Bytes bytes;
    if (steps.bytes() != nullptr) bytes.assign(steps.bytes(), steps.bytes() + steps.length());
    return std::make_tuple(work.result, steps.fault(), bytes);
  };
  CHECK(
      (copy(3, 2 * kPage, 0) == std::make_tuple(0, Fault{}, testing::pattern_bytes(3, 2 * kPage))));
  CHECK((copy(kPage, kPage, UINT64_MAX / 2) ==
         std::make_tuple(0, Fault{}, testing::pattern_bytes(kPage, kPage))));
  CHECK(std::get<0>(copy(1, 3 * kPage, 0)) == -ERANGE);
  CHECK(std::get<0>(copy(UINT64_MAX, 2, 0)) == -ERANGE);
  testing::resize(file.get(), kPage);
  const auto [result, fault, bytes] = copy(0, 2 * kPage, 0);
  CHECK(result == 0);
  CHECK((fault == Fault{FaultKind::truncated, kPage, 1}));
  CHECK(bytes.empty());
}

TEST_CASE("prefetch_steps: any number of ranges, and one that does not lie inside") {
  constexpr size_t kPages = 64;
  const testing::Descriptor file = testing::memfd(kPages * kPage);
  const RegionPtr region = testing::map_file(file.get(), kPages * kPage);
  const auto run = [&](std::vector<OffsetRange> ranges, int cancel_after = -1) {
    Work work(*region, std::make_unique<PrefetchSteps>(std::move(ranges)));
    work.cancel_after = cancel_after;
    work.run();
    return std::make_pair(work.result, work.done());
  };
  CHECK((run({}) == std::make_pair(0, uint64_t{0})));
  CHECK((run({{0, 0}, {kPages * kPage, 0}, {5, 10}}) == std::make_pair(0, uint64_t{10})));
  CHECK(run({{0, 1}, {kPages * kPage, 1}}).first == -ERANGE);
  CHECK(run({{UINT64_MAX, UINT64_MAX}}).first == -ERANGE);
  const std::vector<OffsetRange> many(100'000, {kPage + 1, kPage});
  CHECK((run(many) == std::make_pair(0, uint64_t{100'000} * kPage)));
  CHECK(run(many, 1).first == -ECANCELED);
}
