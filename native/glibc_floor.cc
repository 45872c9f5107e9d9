// What the headers refer to and no library of glibc_floor.h has, defined for the addon alone:
// exports.map keeps it from everybody else.
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

extern "C" {

/// glibc 2.33; it was __fxstat before. The kernel fills in the same struct on both architectures.
int fstat(int fd, struct stat* status) noexcept {
  return static_cast<int>(syscall(SYS_fstat, fd, status));
}

/// glibc 2.32. A process of Node has several threads, so reference counts are always atomic.
char libc_single_threaded __asm__("__libc_single_threaded") = 0;

/// std::__throw_bad_array_new_length() of GCC 11.
[[noreturn]] void bad_array_new_length() __asm__("_ZSt28__throw_bad_array_new_lengthv");
void bad_array_new_length() { std::abort(); }

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
