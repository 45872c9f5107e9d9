// Short words for what most tests do: a memfd with known bytes, a region that unmaps itself,
// accesses that the compiler leaves alone.
#pragma once

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/types.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "posix/calls/map.h"

namespace posix_mmap {

inline bool operator==(const Fault& a, const Fault& b) {
  return a.kind == b.kind && a.offset == b.offset && a.count == b.count;
}
doctest::String toString(const Fault& fault);

}  // namespace posix_mmap

namespace testing {

using posix_mmap::Fault;
using posix_mmap::FaultKind;
using posix_mmap::MapRequest;
using posix_mmap::Region;
using Bytes = std::vector<std::byte>;

inline const size_t kPage = posix_mmap::page_size();
inline constexpr int kReadWrite = PROT_READ | PROT_WRITE;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

/// Never zero, and different from page to page and from byte to byte.
std::byte pattern(uint64_t offset);
Bytes pattern_bytes(uint64_t offset, size_t length);

Descriptor memfd(uint64_t size);
/// A memfd in which byte i is pattern(i).
Descriptor patterned_memfd(uint64_t size);
Bytes file_bytes(int fd, uint64_t offset, size_t length);
Bytes memory_bytes(const std::byte* start, size_t length);
void resize(int fd, uint64_t size);

using RegionPtr = posix_mmap::RegionUser;

/// Aborts when it fails, and asserts nothing: children and threads use these too.
RegionPtr map_region(const MapRequest& request);
RegionPtr map_file(int fd, uint64_t length, int prot = kReadWrite, int flags = MAP_SHARED,
                   uint64_t offset = 0);
RegionPtr map_anonymous(uint64_t length, int prot = kReadWrite, int flags = MAP_PRIVATE);

inline std::byte* data(const RegionPtr& region) { return region->extent().data(); }
/// Page `index` of a region that begins at a page.
inline std::byte* page(const RegionPtr& region, size_t index) {
  return data(region) + index * kPage;
}

inline std::byte load(const std::byte* address) {
  return *static_cast<const volatile std::byte*>(address);
}
inline void store(std::byte* address, std::byte value) {
  *static_cast<volatile std::byte*>(address) = value;
}

// For words that several threads use while their page is being replaced. TSan takes the mmap(2) of
// a repair for an unordered write to the page, so these accesses have to be kept from it.
#if defined(__clang__)
#define UNSEEN_BY_SANITIZERS __attribute__((disable_sanitizer_instrumentation, noinline))
#else
#define UNSEEN_BY_SANITIZERS __attribute__((noinline))
#endif
uint64_t load_word(const std::byte* address);
void store_word(std::byte* address, uint64_t value);
void add_to_word(std::byte* address, uint64_t value);

/// Lines of /proc/self/maps.
size_t count_kernel_mappings();

}  // namespace testing
