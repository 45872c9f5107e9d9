#include "posix/files/file_look.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "posix/files/cached_pages.h"
#include "posix/files/file.h"
#include "posix/page_range.h"

namespace posix_mmap {
namespace {

constexpr size_t kMostMappedPages = 2048;

/// mincore(2) of all of a file and of a page past its end, which cannot be in memory: the kernel
/// calls it resident, as it calls every page, if it does not report to this process.
int64_t resident_pages(int fd, uint64_t size) noexcept {
  const size_t page = page_size();
  const uint64_t pages = (size + page - 1) / page;
  if (pages > kMostMappedPages) return -EFBIG;
  const size_t length = (pages + 1) * page;
  // Private, since some file systems have no shared mappings. The pages are the same.
  void* const place = mmap(nullptr, length, PROT_READ, MAP_PRIVATE, fd, 0);
  if (place == MAP_FAILED) return -errno;
  std::array<unsigned char, kMostMappedPages + 1> vector;
  const int64_t refused = mincore(place, length, vector.data()) == 0 ? 0 : -errno;
  munmap(place, length);
  if (refused != 0) return refused;
  const auto is_resident = [](unsigned char one) { return (one & 1U) != 0; };
  if (is_resident(vector[pages])) return -EPERM;
  return std::count_if(vector.begin(), vector.begin() + static_cast<ptrdiff_t>(pages), is_resident);
}

int64_t cached_pages(int fd, uint64_t device, uint64_t size, CacheQuestion question) noexcept {
  // A length of 0 would reach behind the end, where pages of an empty file may be as well.
  if (size == 0) return 0;
  if (question == CacheQuestion::kStatistics) {
    const int64_t found = count_cached(fd, device, 0, size);
    if (found >= 0) return found;
  }
  return resident_pages(fd, size);
}

}  // namespace

int look_at_file(const char* path, uint64_t most_bytes, CacheQuestion question,
                 FileLook& look) noexcept {
  look = {};
  // Without O_NONBLOCK, opening a FIFO would wait for somebody to write to it.
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return -errno;
  look.size = file_size(fd, look.identity);
  const auto size = static_cast<uint64_t>(look.size);
  if (look.size < 0) {
    look.cached = look.size;
  } else {
    look.cached =
        size > most_bytes ? -EFBIG : cached_pages(fd, look.identity.device, size, question);
  }
  close(fd);
  return 0;
}

}  // namespace posix_mmap
