// What the compiler refers to and no library of glibc_floor.h has: defined here, and seen nowhere
// else.
#include <sys/auxv.h>

#include <cstdlib>

extern "C" {

/// glibc 2.32. A process of Node has several threads, so reference counts are always atomic.
[[gnu::visibility("hidden")]] char __libc_single_threaded = 0;

/// std::__throw_bad_array_new_length() of GCC 11.
[[noreturn, gnu::visibility("hidden")]] void bad_array_new_length() __asm__(
    "_ZSt28__throw_bad_array_new_lengthv");
void bad_array_new_length() { std::abort(); }

#ifdef __aarch64__
/// What libgcc asks whether the processor has atomic instructions. musl has it by its other name.
[[gnu::visibility("hidden")]] unsigned long __getauxval(unsigned long type) {
  return getauxval(type);
}
#endif
}
