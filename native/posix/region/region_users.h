// The owners of a region as types. A user may see its memory; the owner of a reference only needs
// its addresses to stay taken. Every user has a reference too.
#pragma once

#include <cstdint>
#include <utility>

namespace posix_mmap {

class Region;

/// Keeps the addresses of a region taken. Both types are moved and never copied, and can be let go
/// of on any thread.
class RegionRef {
 public:
  RegionRef() = default;
  /// One more reference.
  explicit RegionRef(Region& region) noexcept;
  RegionRef(RegionRef&& other) noexcept : region_(std::exchange(other.region_, nullptr)) {}
  RegionRef& operator=(RegionRef&& other) noexcept {
    RegionRef(std::move(other)).swap(*this);
    return *this;
  }
  ~RegionRef() { reset(); }

  /// Gives the reference back. The last one unmaps.
  void reset() noexcept;
  explicit operator bool() const noexcept { return region_ != nullptr; }

 private:
  friend class RegionUser;
  struct Adopt {};
  RegionRef(Region* region, Adopt /*tag*/) noexcept : region_(region) {}
  void swap(RegionRef& other) noexcept { std::swap(region_, other.region_); }

  Region* region_ = nullptr;
};

/// May see the memory of a region. When the last user ends while somebody still has a reference,
/// the memory is retired.
class RegionUser {
 public:
  RegionUser() = default;
  /// One more user; the region must have one already.
  explicit RegionUser(Region& region) noexcept;
  RegionUser(RegionUser&& other) noexcept : region_(std::exchange(other.region_, nullptr)) {}
  RegionUser& operator=(RegionUser&& other) noexcept {
    RegionUser(std::move(other)).swap(*this);
    return *this;
  }
  ~RegionUser() { reset(); }

  /// The region of a token with one user more, or empty when its last user has gone.
  static RegionUser of_token(uint64_t token) noexcept;

  /// Ends the use and gives the reference back.
  void reset() noexcept;
  /// Ends the use and keeps the reference.
  RegionRef end_use() noexcept;
  /// Never ends: for memory that somebody who cannot be asked may be using.
  void keep_for_good() noexcept { region_ = nullptr; }

  Region* get() const noexcept { return region_; }
  Region& operator*() const noexcept { return *region_; }
  Region* operator->() const noexcept { return region_; }
  explicit operator bool() const noexcept { return region_ != nullptr; }

 private:
  friend class Region;
  struct Adopt {};
  RegionUser(Region* region, Adopt /*tag*/) noexcept : region_(region) {}
  void swap(RegionUser& other) noexcept { std::swap(region_, other.region_); }

  Region* region_ = nullptr;
};

}  // namespace posix_mmap
