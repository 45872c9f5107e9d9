// Functions that the headers refer to and that the libraries named in glibc_floor.h do not have.
// They are defined for the addon alone: exports.map hides them from everybody else.
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

extern "C" {

/// From glibc 2.33 on; it was __fxstat before. The kernel fills in the same struct on both
/// architectures.
int fstat(int fd, struct stat* status) noexcept {
  return static_cast<int>(syscall(SYS_fstat, fd, status));
}

/// From glibc 2.32 on. A Node process has several threads, so reference counts must be atomic.
char libc_single_threaded __asm__("__libc_single_threaded") = 0;

/// std::__throw_bad_array_new_length() of GCC 11.
[[noreturn]] void bad_array_new_length() __asm__("_ZSt28__throw_bad_array_new_lengthv");
void bad_array_new_length() { std::abort(); }

/// std::_Sp_make_shared_tag::_S_eq() of GCC 9, by which another library could ask for the object in
/// a std::make_shared. None does.
bool is_make_shared_tag(const void* type) __asm__(
    "_ZNSt19_Sp_make_shared_tag5_S_eqERKSt9type_info");
bool is_make_shared_tag(const void* /*type*/) { return false; }

#ifdef __aarch64__
/// By this libgcc asks whether the processor has atomic instructions. musl has it only under its
/// public name.
unsigned long getauxval_of_libgcc(unsigned long type) __asm__("__getauxval");
unsigned long getauxval_of_libgcc(unsigned long type) { return getauxval(type); }
#endif
}
