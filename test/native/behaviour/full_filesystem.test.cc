// Holes in a file whose file system is full: the file is long enough, and yet a store is SIGBUS.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "posix/content/transfer.h"
#include "posix/files/file.h"
#include "support/child.h"
#include "support/memory.h"

using testing::data;
using testing::Descriptor;
using testing::Fault;
using testing::FaultKind;
using testing::kPage;
using testing::page;

namespace {

constexpr size_t kPages = 16;

/// A tmpfs that only this child sees, and that is gone with it.
std::string small_tmpfs(const std::string& size) {
  // In a user namespace those may mount who are not root.
  if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    testing::skip_child("no mount namespace", errno);
  }
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    testing::skip_child("no private mounts", errno);
  }
  if (mount("none", "/tmp", "tmpfs", 0, ("size=" + size).c_str()) != 0) {
    testing::skip_child("no tmpfs", errno);
  }
  return "/tmp/";
}

Descriptor new_file(const std::string& path) {
  Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  CHILD_CHECK(file.get() >= 0);
  return file;
}

void fill_up(const std::string& directory) {
  const Descriptor filler = new_file(directory + "filler");
  const testing::Bytes bytes(1024, std::byte{1});
  do {
    while (write(filler.get(), bytes.data(), bytes.size()) > 0) continue;
    CHILD_CHECK(errno == ENOSPC);
    // Where blocks are given out late, some may be left after all.
    CHILD_CHECK(fsync(filler.get()) == 0);
  } while (write(filler.get(), bytes.data(), bytes.size()) > 0);
}

}  // namespace

TEST_CASE("full_filesystem: a store into a hole is a fault, and not the end of the process") {
  testing::in_child([] {
    const std::string directory = small_tmpfs(std::to_string(kPages * kPage));
    const Descriptor file = new_file(directory + "file");
    CHILD_CHECK(posix_mmap::truncate(file.get(), 8 * kPage) == 0);
    const testing::Bytes known = testing::pattern_bytes(0, kPage);
    CHILD_CHECK(pwrite(file.get(), known.data(), kPage, 0) == ssize_t(kPage));
    fill_up(directory);
    const testing::RegionPtr region = testing::map_file(file.get(), 8 * kPage);

    testing::store(page(region, 5) + 9, std::byte{7});
    CHILD_CHECK(testing::load(page(region, 5) + 9) == std::byte{7});
    CHILD_CHECK(region->faults().take() == Fault{FaultKind::truncated, 5 * kPage + 9, 1});
    CHILD_CHECK(testing::file_bytes(file.get(), 5 * kPage, kPage) == testing::Bytes(kPage));
    const testing::Bytes source(10, std::byte{3});
    CHILD_CHECK(posix_mmap::copy_in(*region, 3 * kPage - 4, 10, source.data()).kind ==
                FaultKind::truncated);
    CHILD_CHECK(region->faults().replaced(3) == FaultKind::none);
    // What has blocks is as it was.
    testing::store(data(region) + 1, std::byte{8});
    CHILD_CHECK(testing::file_bytes(file.get(), 1, 1)[0] == std::byte{8});
    CHILD_CHECK(testing::load(data(region) + 2) == testing::pattern(2));

    // With room again the pages that were not touched are the file's.
    CHILD_CHECK(unlink((directory + "filler").c_str()) == 0);
    testing::store(page(region, 6), std::byte{9});
    CHILD_CHECK(testing::file_bytes(file.get(), 6 * kPage, 1)[0] == std::byte{9});
  });
}

TEST_CASE("full_filesystem: reserve_blocks is -ENOSPC, and the file as long as before") {
  testing::in_child([] {
    const std::string directory = small_tmpfs(std::to_string(kPages * kPage));
    const Descriptor file = new_file(directory + "file");
    CHILD_CHECK(posix_mmap::truncate(file.get(), 3 * kPage) == 0);
    CHILD_CHECK(posix_mmap::reserve_blocks(file.get(), 0, 4 * kPages * kPage) == -ENOSPC);
    CHILD_CHECK(posix_mmap::file_size(file.get()) == int64_t(3 * kPage));
    CHILD_CHECK(posix_mmap::reserve_blocks(file.get(), 0, 4 * kPage) == 0);
    fill_up(directory);
    const testing::RegionPtr region = testing::map_file(file.get(), 4 * kPage);
    for (size_t index = 0; index < 4; ++index) {
      testing::store(page(region, index), std::byte{1});
    }
    CHILD_CHECK(region->faults().peek() == Fault{});
  });
}

TEST_CASE("full_filesystem: what a page holds besides the hole stays in it") {
  testing::in_child([] {
    // Blocks smaller than pages, so that a page has both.
    const std::string directory = small_tmpfs("64m");
    const int made = system(
        "exec >/dev/null 2>&1; cd /tmp && truncate -s 2M image && mkdir mount && "
        "mkfs.ext4 -q -b 1024 -O ^has_journal image && mount -o loop image mount");
    if (made != 0) testing::skip_child("no mkfs.ext4, or no loop device");
    const Descriptor file = new_file(directory + "mount/file");
    CHILD_CHECK(posix_mmap::truncate(file.get(), kPage) == 0);
    const testing::Bytes known = testing::pattern_bytes(0, 1024);
    CHILD_CHECK(pwrite(file.get(), known.data(), known.size(), 0) == 1024);
    CHILD_CHECK(fsync(file.get()) == 0);
    fill_up(directory + "mount/");
    const testing::RegionPtr region = testing::map_file(file.get(), kPage);
    CHILD_CHECK(testing::load(data(region)) == testing::pattern(0));
    testing::store(data(region) + 3000, std::byte{7});
    CHILD_CHECK(region->faults().peek() == Fault{FaultKind::truncated, 3000, 1});
    CHILD_CHECK(testing::load(data(region) + 3000) == std::byte{7});
    CHILD_CHECK(testing::memory_bytes(data(region), 1024) == known);
  });
}
