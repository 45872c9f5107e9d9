#include "posix/files/own_descriptors.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>

#include "posix/condition.h"
#include "posix/detached_thread.h"

namespace posix_mmap {
namespace {

/// Between the thread that works and the one that waits; the later of the two deletes it.
struct Meeting {
  std::unique_ptr<DescriptorWork> work;
  std::mutex mutex;
  Condition changed;
  bool ended = false;
  bool abandoned = false;
};

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define POSIX_MMAP_THREAD_SANITIZER 1
#endif
#endif

#if defined(POSIX_MMAP_THREAD_SANITIZER)
extern "C" void AnnotateIgnoreReadsBegin(const char* file, int line);
extern "C" void AnnotateIgnoreReadsEnd(const char* file, int line);
extern "C" void AnnotateIgnoreWritesBegin(const char* file, int line);
extern "C" void AnnotateIgnoreWritesEnd(const char* file, int line);

/// ThreadSanitizer takes equal descriptors of two threads for the same file.
struct OwnNumbers {
  OwnNumbers() noexcept {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~OwnNumbers() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
};
#else
struct OwnNumbers {
  OwnNumbers() noexcept {}
};
#endif

/// The first words of a line; empty ones where it has no more.
void split(std::string_view line, std::array<std::string_view, 5>& words) noexcept {
  constexpr std::string_view kSpace = " \n";
  for (std::string_view& word : words) {
    line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size()));
    word = line.substr(0, line.find_first_of(kSpace));
    line.remove_prefix(word.size());
  }
}

/// Whether the process holds a POSIX lock on any file; yes where /proc does not tell. proc(5),
/// "/proc/locks": "1: POSIX  ADVISORY  WRITE 1234 08:02:13 0 EOF".
bool holds_locks() noexcept {
  const std::unique_ptr<FILE, int (*)(FILE*)> locks(std::fopen("/proc/locks", "re"), std::fclose);
  if (locks == nullptr) return true;
  std::array<char, 256> line{};
  const std::string own = std::to_string(getpid());
  while (std::fgets(line.data(), line.size(), locks.get()) != nullptr) {
    std::array<std::string_view, 5> words;
    split(line.data(), words);
    // Those that wait for a lock have an arrow before the type.
    if (words[1] == "POSIX" && words[4] == own) return true;
  }
  return false;
}

void* serve(void* argument) {
  const OwnNumbers own_numbers;
  auto* const meeting = static_cast<Meeting*>(argument);
  // Some containers forbid unshare(2) altogether.
  meeting->work->run(unshare(CLONE_FILES) == 0 || !holds_locks());
  bool abandoned = false;
  {
    const std::lock_guard<std::mutex> lock(meeting->mutex);
    meeting->ended = true;
    abandoned = meeting->abandoned;
    if (!abandoned) meeting->changed.notify_one();
  }
  if (abandoned) delete meeting;
  return nullptr;
}

}  // namespace

bool run_with_own_descriptors(DescriptorWork* work, int patience_ms,
                              void (*read)(const DescriptorWork& work, void* argument),
                              void* argument) noexcept {
  std::unique_ptr<DescriptorWork> owned(work);
  std::unique_ptr<Meeting> meeting(new (std::nothrow) Meeting());
  if (meeting == nullptr || owned == nullptr) return false;
  meeting->work = std::move(owned);
  if (start_detached_thread(serve, meeting.get()) != 0) return false;
  {
    std::unique_lock<std::mutex> lock(meeting->mutex);
    meeting->changed.wait_for(lock, std::chrono::milliseconds(patience_ms),
                              [&meeting] { return meeting->ended; });
    if (!meeting->ended) {
      meeting->abandoned = true;
      [[maybe_unused]] Meeting* const of_the_thread = meeting.release();
      return false;
    }
  }
  read(*meeting->work, argument);
  return true;
}

}  // namespace posix_mmap
