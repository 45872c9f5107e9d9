// Why pages of one region could not be had, found out once: a handler only knows that they could
// not, and later the file and its disk may be as if nothing had happened.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>

namespace posix_mmap {

class FaultCauses {
 public:
  /// False for a page that nothing is kept of. An error of 0 says that the file had ended.
  bool find(size_t page, int& error) noexcept;
  void keep(size_t page, int error) noexcept;
  void forget(size_t page) noexcept;
  void reset() noexcept;

 private:
  // A program asks for the first fault, and for those of the copies that it makes: few pages.
  static constexpr size_t kMost = 64;
  struct Cause {
    size_t page = 0;
    int error = 0;
    bool used = false;
  };
  using Causes = std::array<Cause, kMost>;
  Cause* place_of(size_t page) noexcept;

  std::mutex mutex_;
  std::unique_ptr<Causes> causes_;  // made by the first of them
  size_t next_ = 0;
};

}  // namespace posix_mmap
