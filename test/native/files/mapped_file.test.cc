#include "posix/files/mapped_file.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "support/memory.h"

namespace {

using posix_mmap::Extent;
using posix_mmap::FileIdentity;
using posix_mmap::MappedFile;
using posix_mmap::MappedFileFacts;
using testing::Descriptor;
using testing::kPage;

/// A file with a name, and a mapping of it.
class Named {
 public:
  Named() : fd_(mkstemp(name_.data())) {
    testing::resize(fd_.get(), 2 * kPage);
    posix_mmap::identify_file(fd_.get(), identity_);
    region_ = testing::map_file(fd_.get(), 2 * kPage, PROT_READ);
  }
  ~Named() {
    unlink(name_.data());
    unlink(other_name().c_str());
  }
  Named(const Named&) = delete;
  Named& operator=(const Named&) = delete;

  const char* name() const { return name_.data(); }
  std::string other_name() const { return std::string(name_.data()) + " x"; }
  int fd() const { return fd_.get(); }
  const FileIdentity& identity() const { return identity_; }
  const Extent& extent() const { return region_->extent(); }

 private:
  std::array<char, 64> name_{"/tmp/posix-mmap-test-XXXXXX"};
  Descriptor fd_;
  FileIdentity identity_;
  testing::RegionPtr region_;
};

/// Whether another process could lock the file now.
bool lockable(const char* name) {
  const pid_t child = fork();
  if (child == 0) {
    const int fd = open(name, O_RDWR);
    struct flock lock{};
    lock.l_type = F_WRLCK;
    _exit(fcntl(fd, F_SETLK, &lock) == 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("MappedFile: is found by its descriptor, its path, and its name in /proc/self/maps") {
  const Named file;
  testing::resize(file.fd(), 10);
  const auto size_of = [&file](const MappedFileFacts& facts) {
    MappedFile mapped;
    mapped.set(facts);
    return mapped.size(file.extent());
  };
  CHECK(size_of({.identity = file.identity(), .fd = file.fd()}) == 10);
  CHECK(size_of({.identity = file.identity(), .path = file.name()}) == 10);
  CHECK(size_of({.identity = file.identity(), .path = "/dev/null"}) == 10);
  CHECK(size_of({.identity = file.identity(), .fd = 0}) == 10);
  CHECK(rename(file.name(), file.other_name().c_str()) == 0);
  CHECK(size_of({.identity = file.identity(), .path = file.name()}) == 10);
}

TEST_CASE("MappedFile: another file that has its path or its descriptor is not asked") {
  const Named file;
  const Named other;
  MappedFile mapped;
  mapped.set({.identity = file.identity(), .fd = other.fd(), .path = other.name()});
  // Not mapped there either.
  CHECK(mapped.size(other.extent()) < 0);
  CHECK(mapped.reason(other.extent(), 0) == 0);
}

TEST_CASE("MappedFile: a look for the reason keeps the POSIX locks of the process") {
  const Named file;
  struct flock lock{};
  lock.l_type = F_WRLCK;
  REQUIRE(fcntl(file.fd(), F_SETLK, &lock) == 0);
  REQUIRE_FALSE(lockable(file.name()));
  MappedFile mapped;
  mapped.set({.identity = file.identity(), .path = file.name()});
  CHECK(mapped.reason(file.extent(), 0) == 0);
  CHECK_FALSE(lockable(file.name()));
  // What the other way to do it would have done.
  close(open(file.name(), O_RDONLY));
  CHECK(lockable(file.name()));
}

TEST_CASE("MappedFile: a mapping that takes over another's file finds it as well") {
  const Named file;
  MappedFile older;
  older.set({.identity = file.identity(), .offset = kPage, .path = file.name()});
  MappedFile newer;
  newer.inherit(older);
  CHECK(newer.size(file.extent()) == static_cast<int64_t>(2 * kPage));
  CHECK(newer.offset() == kPage);
  CHECK(newer.can_shrink());
  newer.reset();
  CHECK_FALSE(newer.known());
}
