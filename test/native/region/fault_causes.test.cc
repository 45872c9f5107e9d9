#include "posix/region/fault_causes.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "posix/region/fault_log.h"

namespace {

using posix_mmap::Fault;
using posix_mmap::FaultCauses;
using posix_mmap::FaultKind;
using posix_mmap::FaultLog;

}  // namespace

TEST_CASE("FaultCauses: keeps the causes of the latest pages") {
  FaultCauses causes;
  int error = -1;
  CHECK_FALSE(causes.find(3, error));
  causes.keep(3, EIO);
  causes.keep(4, 0);
  CHECK(causes.find(3, error));
  CHECK(error == EIO);
  CHECK(causes.find(4, error));
  CHECK(error == 0);
  causes.keep(3, ENOSPC);
  CHECK(causes.find(3, error));
  CHECK(error == ENOSPC);
  causes.forget(3);
  CHECK_FALSE(causes.find(3, error));
  for (size_t page = 100; page < 300; ++page) causes.keep(page, EIO);
  CHECK(causes.find(299, error));
  CHECK_FALSE(causes.find(4, error));
  causes.reset();
  CHECK_FALSE(causes.find(299, error));
}

TEST_CASE("FaultLog: the first fault is lowered only if it is the one that is meant") {
  FaultLog log;
  log.reset(8);
  log.record(FaultKind::truncated, 5000);
  log.lower_first(4096, 10);
  CHECK(log.peek().offset == 5000);
  log.lower_first(5000, 10);
  CHECK(log.peek().offset == 10);
  CHECK(log.peek().kind == FaultKind::truncated);
  log.take();
  log.record(FaultKind::read_only, 5000);
  log.lower_first(5000, 10);
  CHECK(log.peek().offset == 5000);
  log.free_memory();
}
