#include "posix/faults/guarded_copy.h"

#include <array>
#include <cstdint>

#include "posix/faults/signal_context.h"

// In assembly, because the fault guard must know by its address whether an instruction is an access
// of this copy, and where the thread continues after it; a compiler's copy loop has no such
// address.
extern "C" {
posix_mmap::Copied posix_mmap_copy(void* to, const void* from, size_t length) noexcept;
extern const char posix_mmap_copy_access[];
extern const char posix_mmap_copy_end[];
}

#if defined(__x86_64__)
asm(R"(
  .text
  .p2align 4
  .globl posix_mmap_copy, posix_mmap_copy_access, posix_mmap_copy_end
  .hidden posix_mmap_copy, posix_mmap_copy_access, posix_mmap_copy_end
  .type posix_mmap_copy, @function
posix_mmap_copy:
  .cfi_startproc
  movq %rdx, %rcx
  xorl %edx, %edx
posix_mmap_copy_access:
  rep movsb
posix_mmap_copy_end:
  movq %rcx, %rax
  ret
  .cfi_endproc
  .size posix_mmap_copy, .-posix_mmap_copy
)");
#elif defined(__aarch64__)
asm(R"(
  .text
  .p2align 4
  .globl posix_mmap_copy, posix_mmap_copy_access, posix_mmap_copy_end
  .hidden posix_mmap_copy, posix_mmap_copy_access, posix_mmap_copy_end
  .type posix_mmap_copy, %function
posix_mmap_copy:
  .cfi_startproc
posix_mmap_copy_access:
1:
  subs x3, x2, #16
  b.lo 2f
  ldp x4, x5, [x1], #16
  stp x4, x5, [x0], #16
  mov x2, x3
  b 1b
2:
  cbz x2, 3f
  ldrb w4, [x1], #1
  strb w4, [x0], #1
  sub x2, x2, #1
  b 2b
3:
  mov x1, xzr
posix_mmap_copy_end:
  mov x0, x2
  ret
  .cfi_endproc
  .size posix_mmap_copy, .-posix_mmap_copy
)");
#endif

namespace posix_mmap {

Copied guarded_copy(void* to, const void* from, size_t length) noexcept {
  return posix_mmap_copy(to, from, length);
}

size_t guarded_zero(void* to, size_t length) noexcept {
  static constexpr std::array<char, 1024> kZeros{};
  auto* cursor = static_cast<char*>(to);
  while (length > 0) {
    const size_t chunk = length < kZeros.size() ? length : kZeros.size();
    const size_t left = posix_mmap_copy(cursor, kZeros.data(), chunk).left;
    if (left > 0) return length - chunk + left;
    cursor += chunk;
    length -= chunk;
  }
  return 0;
}

bool guarded_copy_abandon(ucontext_t& context, void* fault) noexcept {
  const uintptr_t counter = program_counter(context);
  const auto end = reinterpret_cast<uintptr_t>(posix_mmap_copy_end);
  if (counter < reinterpret_cast<uintptr_t>(posix_mmap_copy_access) || counter >= end) return false;
  set_program_counter(context, end);
  set_second_result(context, reinterpret_cast<uintptr_t>(fault));
  return true;
}

}  // namespace posix_mmap
