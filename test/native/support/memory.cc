#include "support/memory.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace posix_mmap {

doctest::String toString(const Fault& fault) {
  const std::string text = "{kind " + std::to_string(static_cast<int>(fault.kind)) + ", offset " +
                           std::to_string(fault.offset) + ", count " + std::to_string(fault.count) +
                           "}";
  return text.c_str();
}

}  // namespace posix_mmap

namespace testing {
namespace {

void must(bool done, const char* what) {
  if (done) return;
  perror(what);
  abort();
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

std::byte pattern(uint64_t offset) {
  return static_cast<std::byte>(1 + (offset * 7 + offset / 253 * 11) % 255);
}

Bytes pattern_bytes(uint64_t offset, size_t length) {
  Bytes bytes(length);
  for (size_t i = 0; i < length; ++i) bytes[i] = pattern(offset + i);
  return bytes;
}

Descriptor memfd(uint64_t size) {
  Descriptor file(memfd_create("posix-mmap-test", MFD_CLOEXEC));
  must(file.get() >= 0, "memfd_create");
  resize(file.get(), size);
  return file;
}

Descriptor patterned_memfd(uint64_t size) {
  Descriptor file = memfd(size);
  const Bytes bytes = pattern_bytes(0, size);
  must(pwrite(file.get(), bytes.data(), size, 0) == static_cast<ssize_t>(size), "pwrite");
  return file;
}

Bytes file_bytes(int fd, uint64_t offset, size_t length) {
  Bytes bytes(length);
  const ssize_t got = pread(fd, bytes.data(), length, static_cast<off_t>(offset));
  must(got >= 0, "pread");
  bytes.resize(static_cast<size_t>(got));
  return bytes;
}

Bytes memory_bytes(const std::byte* start, size_t length) { return {start, start + length}; }

void resize(int fd, uint64_t size) {
  must(ftruncate(fd, static_cast<off_t>(size)) == 0, "ftruncate");
}

RegionPtr map_region(const MapRequest& request) {
  RegionPtr region;
  errno = -posix_mmap::map_region(request, region);
  must(errno == 0, "map_region");
  return region;
}

RegionPtr map_file(int fd, uint64_t length, int prot, int flags, uint64_t offset) {
  MapRequest request;
  request.fd = fd;
  request.offset = offset;
  request.length = length;
  request.prot = prot;
  request.flags = flags;
  return map_region(request);
}

RegionPtr map_anonymous(uint64_t length, int prot, int flags) {
  return map_file(-1, length, prot, flags | MAP_ANONYMOUS);
}

UNSEEN_BY_SANITIZERS uint64_t load_word(const std::byte* address) {
  return __atomic_load_n(reinterpret_cast<const uint64_t*>(address), __ATOMIC_RELAXED);
}

UNSEEN_BY_SANITIZERS void store_word(std::byte* address, uint64_t value) {
  __atomic_store_n(reinterpret_cast<uint64_t*>(address), value, __ATOMIC_RELAXED);
}

UNSEEN_BY_SANITIZERS void add_to_word(std::byte* address, uint64_t value) {
  __atomic_fetch_add(reinterpret_cast<uint64_t*>(address), value, __ATOMIC_RELAXED);
}

size_t count_kernel_mappings() {
  std::ifstream maps("/proc/self/maps");
  size_t lines = 0;
  for (std::string line; std::getline(maps, line);) ++lines;
  return lines;
}

}  // namespace testing
