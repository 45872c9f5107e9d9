#include "posix/faults/guarded_section.h"

#include <cstdint>

#include "posix/faults/signal_context.h"
#include "posix/faults/thread_value.h"
#include "posix/page_range.h"

// In assembly, because the fault guard must know the frame to return to. A handler that returns
// into the frame restores the signal mask, which longjmp(3) need not do.
extern "C" {
/// Stores its stack pointer in `frame`, then calls body(argument).
void posix_mmap_section(void (*body)(void*), void* argument, uintptr_t* frame) noexcept;
extern const char posix_mmap_section_end[];
}

#if defined(__x86_64__)
asm(R"(
  .text
  .p2align 4
  .globl posix_mmap_section, posix_mmap_section_end
  .hidden posix_mmap_section, posix_mmap_section_end
  .type posix_mmap_section, @function
posix_mmap_section:
  .cfi_startproc
  pushq %rbp
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset rbp, 0
  movq %rsp, %rbp
  pushq %rbx
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset rbx, 0
  pushq %r12
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset r12, 0
  pushq %r13
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset r13, 0
  pushq %r14
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset r14, 0
  pushq %r15
  .cfi_adjust_cfa_offset 8
  .cfi_rel_offset r15, 0
  subq $8, %rsp
  .cfi_adjust_cfa_offset 8
  movq %rsp, (%rdx)
  movq %rdi, %rax
  movq %rsi, %rdi
  call *%rax
posix_mmap_section_end:
  cld
  addq $8, %rsp
  .cfi_adjust_cfa_offset -8
  popq %r15
  .cfi_adjust_cfa_offset -8
  .cfi_restore r15
  popq %r14
  .cfi_adjust_cfa_offset -8
  .cfi_restore r14
  popq %r13
  .cfi_adjust_cfa_offset -8
  .cfi_restore r13
  popq %r12
  .cfi_adjust_cfa_offset -8
  .cfi_restore r12
  popq %rbx
  .cfi_adjust_cfa_offset -8
  .cfi_restore rbx
  popq %rbp
  .cfi_adjust_cfa_offset -8
  .cfi_restore rbp
  ret
  .cfi_endproc
  .size posix_mmap_section, .-posix_mmap_section
)");
#elif defined(__aarch64__)
asm(R"(
  .text
  .p2align 4
  .globl posix_mmap_section, posix_mmap_section_end
  .hidden posix_mmap_section, posix_mmap_section_end
  .type posix_mmap_section, %function
posix_mmap_section:
  .cfi_startproc
  stp x29, x30, [sp, #-160]!
  .cfi_def_cfa_offset 160
  .cfi_offset x29, -160
  .cfi_offset x30, -152
  mov x29, sp
  stp x19, x20, [sp, #16]
  stp x21, x22, [sp, #32]
  stp x23, x24, [sp, #48]
  stp x25, x26, [sp, #64]
  stp x27, x28, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  str x29, [x2]
  mov x9, x0
  mov x0, x1
  blr x9
posix_mmap_section_end:
  ldp d14, d15, [sp, #144]
  ldp d12, d13, [sp, #128]
  ldp d10, d11, [sp, #112]
  ldp d8, d9, [sp, #96]
  ldp x27, x28, [sp, #80]
  ldp x25, x26, [sp, #64]
  ldp x23, x24, [sp, #48]
  ldp x21, x22, [sp, #32]
  ldp x19, x20, [sp, #16]
  ldp x29, x30, [sp], #160
  .cfi_restore x29
  .cfi_restore x30
  .cfi_def_cfa_offset 0
  ret
  .cfi_endproc
  .size posix_mmap_section, .-posix_mmap_section
)");
#endif

namespace posix_mmap {
namespace {

struct Section {
  uintptr_t first = 0;  // of the pages that may end it
  uintptr_t last = 0;   // exclusive
  uintptr_t frame = 0;
  SectionFault fault;
};

}  // namespace

SectionFault guarded_section(const std::byte* begin, size_t length, void (*body)(void*),
                             void* argument) noexcept {
  // Whole pages, since what reads words or vectors reaches past both ends of a range within them.
  const PageRange pages = touched_pages(begin, length);
  const auto first = reinterpret_cast<uintptr_t>(pages.start);
  Section section{first, first + pages.length, 0, {}};
  const ThreadValue current(&section);
  posix_mmap_section(body, argument, &section.frame);
  return section.fault;
}

bool guarded_section_abandon(ucontext_t& context, FaultKind kind, std::byte* fault) noexcept {
  auto* const section = static_cast<Section*>(ThreadValue::current());
  const auto address = reinterpret_cast<uintptr_t>(fault);
  if (section == nullptr || address < section->first || address >= section->last) return false;
  section->fault = {kind, fault};
  set_stack_pointer(context, section->frame);
  set_program_counter(context, reinterpret_cast<uintptr_t>(posix_mmap_section_end));
  return true;
}

}  // namespace posix_mmap
