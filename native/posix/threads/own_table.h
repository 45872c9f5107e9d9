// A table of descriptors of its own. close(2) of any descriptor of a file drops the POSIX locks
// (fcntl(2), F_SETLK) that the process holds on that file, whoever opened it: the owner of such a
// lock is the table. So what is opened and closed in another table costs nobody a lock.
#pragma once

#include <type_traits>

namespace posix_mmap {

class OwnTable {
 public:
  OwnTable() = default;
  ~OwnTable();
  OwnTable(const OwnTable&) = delete;
  OwnTable& operator=(const OwnTable&) = delete;

  /// Calls `body()` on a thread that has the table and waits for its end: 0, or -errno where there
  /// is no such thread, and `body` was not called. One caller at a time. What `body` leaves open
  /// stays open for the next.
  template <typename Body>
  int run(Body&& body) noexcept {
    using Called = std::remove_reference_t<Body>;
    return call([](void* argument) { (*static_cast<Called*>(argument))(); },
                const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  struct Thread;
  static void* serve(void* raw);
  int call(void (*body)(void*), void* argument) noexcept;
  int start() noexcept;

  Thread* thread_ = nullptr;
  int refused_ = 0;  ///< why there is none and will be none
};

}  // namespace posix_mmap
