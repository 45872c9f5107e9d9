// What the compiler and the C++ library call, defined for the addon alone: exports.map keeps it
// from everybody else. The addon depends on no library (no NEEDED entry), so that one binary runs
// on glibc and on musl: it takes from the process what both C libraries have, and the rest of
// libstdc++ is linked in. The functions here are those whose originals bring thread-local storage
// and the machinery of exceptions with them. If the linker finds one defined twice, another of its
// file in libstdc++ is called, and belongs here too.
#include <linux/futex.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

[[noreturn]] void end_process(const char* message, size_t length) {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, message, length);
  std::abort();
}

[[noreturn]] void out_of_memory() {
  constexpr char kMessage[] = "posix-mmap: out of memory\n";
  end_process(kMessage, sizeof(kMessage) - 1);
}

[[noreturn]] void broken() {
  constexpr char kMessage[] = "posix-mmap: error in the C++ library\n";
  end_process(kMessage, sizeof(kMessage) - 1);
}

void* allocate(size_t size) noexcept { return std::malloc(size == 0 ? 1 : size); }

void* allocate_or_abort(size_t size) {
  void* const memory = allocate(size);
  if (memory == nullptr) out_of_memory();
  return memory;
}

}  // namespace

void* operator new(size_t size) { return allocate_or_abort(size); }
void* operator new[](size_t size) { return allocate_or_abort(size); }
void* operator new(size_t size, const std::nothrow_t& /*tag*/) noexcept { return allocate(size); }
void* operator new[](size_t size, const std::nothrow_t& /*tag*/) noexcept { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t /*size*/) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t /*size*/) noexcept { std::free(memory); }

extern "C" {

// src/c++11/functexcept.cc of libstdc++, which throws.
[[noreturn]] void throw_bad_alloc() __asm__("_ZSt17__throw_bad_allocv");
void throw_bad_alloc() { out_of_memory(); }
[[noreturn]] void throw_bad_array_new_length() __asm__("_ZSt28__throw_bad_array_new_lengthv");
void throw_bad_array_new_length() { out_of_memory(); }
[[noreturn]] void throw_length_error(const char* what) __asm__("_ZSt20__throw_length_errorPKc");
void throw_length_error(const char* /*what*/) { broken(); }
[[noreturn]] void throw_logic_error(const char* what) __asm__("_ZSt19__throw_logic_errorPKc");
void throw_logic_error(const char* /*what*/) { broken(); }
[[noreturn]] void throw_out_of_range(const char* what,
                                     ...) __asm__("_ZSt24__throw_out_of_range_fmtPKcz");
void throw_out_of_range(const char* /*what*/, ...) { broken(); }
[[noreturn]] void throw_bad_function_call() __asm__("_ZSt25__throw_bad_function_callv");
void throw_bad_function_call() { broken(); }
[[noreturn]] void throw_system_error(int error) __asm__("_ZSt20__throw_system_errori");
void throw_system_error(int /*error*/) { broken(); }

[[noreturn]] void pure_virtual() __asm__("__cxa_pure_virtual");
void pure_virtual() { broken(); }

// The guard of a static variable inside of a function. The ABIs of both processors prescribe that
// its first byte is 1 once the variable is initialised, and compiled code reads that byte itself.
using Guard = std::atomic<uint32_t>;
constexpr uint32_t kInitialised = 1;
constexpr uint32_t kRunning = 0x100;
constexpr uint32_t kAwaited = 0x200;

/// 1 if the caller must initialise the variable, 0 once another thread has done it.
int guard_acquire(Guard* guard) noexcept __asm__("__cxa_guard_acquire");
int guard_acquire(Guard* guard) noexcept {
  for (;;) {
    uint32_t state = 0;
    if (guard->compare_exchange_strong(state, kRunning, std::memory_order_acquire)) return 1;
    if (state == kInitialised) return 0;
    if (state == kRunning) {
      guard->compare_exchange_strong(state, kRunning | kAwaited, std::memory_order_relaxed);
    }
    syscall(SYS_futex, guard, FUTEX_WAIT_PRIVATE, kRunning | kAwaited, nullptr, nullptr, 0);
  }
}

void guard_release(Guard* guard) noexcept __asm__("__cxa_guard_release");
void guard_release(Guard* guard) noexcept {
  const uint32_t before = guard->exchange(kInitialised, std::memory_order_release);
  if ((before & kAwaited) != 0) {
    syscall(SYS_futex, guard, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
  }
}

/// glibc 2.33; it was __fxstat before. The kernel fills in the same struct on both architectures.
int fstat(int fd, struct stat* status) noexcept {
  return static_cast<int>(syscall(SYS_fstat, fd, status));
}

/// glibc 2.32. A process of Node has several threads, so reference counts are always atomic.
char libc_single_threaded __asm__("__libc_single_threaded") = 0;

/// std::_Sp_make_shared_tag::_S_eq() of GCC 9: whether another library asks for the object in a
/// std::make_shared. None does.
bool is_make_shared_tag(const void* type) __asm__(
    "_ZNSt19_Sp_make_shared_tag5_S_eqERKSt9type_info");
bool is_make_shared_tag(const void* /*type*/) { return false; }

#ifdef __aarch64__
/// What libgcc asks whether the processor has atomic instructions. musl has it by its other name.
unsigned long getauxval_of_libgcc(unsigned long type) __asm__("__getauxval");
unsigned long getauxval_of_libgcc(unsigned long type) { return getauxval(type); }
#endif
}
