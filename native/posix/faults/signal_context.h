// What the processor says about a fault, read from the context that a signal handler is given.
#pragma once

#include <ucontext.h>

#include <cstdint>

namespace posix_mmap {

#if defined(__x86_64__)

inline uintptr_t program_counter(const ucontext_t& context) noexcept {
  return static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RIP]);
}
inline void set_program_counter(ucontext_t& context, uintptr_t address) noexcept {
  context.uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(address);
}
inline void set_stack_pointer(ucontext_t& context, uintptr_t address) noexcept {
  context.uc_mcontext.gregs[REG_RSP] = static_cast<greg_t>(address);
}
/// The register in which the second word of a structure is returned.
inline void set_second_result(ucontext_t& context, uintptr_t value) noexcept {
  context.uc_mcontext.gregs[REG_RDX] = static_cast<greg_t>(value);
}
// Bits of the page-fault error code, Intel SDM volume 3, "Page-Fault Exception (#PF)".
inline bool is_store(const ucontext_t& context) noexcept {
  return (context.uc_mcontext.gregs[REG_ERR] & 0x2) != 0;
}
inline bool is_instruction_fetch(const ucontext_t& context) noexcept {
  return (context.uc_mcontext.gregs[REG_ERR] & 0x10) != 0;
}

#elif defined(__aarch64__)

inline uintptr_t program_counter(const ucontext_t& context) noexcept {
  return static_cast<uintptr_t>(context.uc_mcontext.pc);
}
inline void set_program_counter(ucontext_t& context, uintptr_t address) noexcept {
  context.uc_mcontext.pc = address;
}
inline void set_stack_pointer(ucontext_t& context, uintptr_t address) noexcept {
  context.uc_mcontext.sp = address;
}
inline void set_second_result(ucontext_t& context, uintptr_t value) noexcept {
  context.uc_mcontext.regs[1] = value;
}

/// The exception syndrome (Arm ARM, ESR_EL1), or 0 if the kernel did not pass it on.
inline uint64_t exception_syndrome(const ucontext_t& context) noexcept {
  struct Record {
    uint32_t magic;
    uint32_t size;
  };
  constexpr uint32_t kEsrMagic = 0x45535201;
  const auto* bytes = reinterpret_cast<const unsigned char*>(context.uc_mcontext.__reserved);
  const unsigned char* const end = bytes + sizeof(context.uc_mcontext.__reserved);
  while (bytes + sizeof(Record) + sizeof(uint64_t) <= end) {
    const auto* record = reinterpret_cast<const Record*>(bytes);
    if (record->magic == kEsrMagic) return *reinterpret_cast<const uint64_t*>(record + 1);
    if (record->magic == 0 || record->size == 0) break;
    bytes += record->size;
  }
  return 0;
}
inline unsigned exception_class(const ucontext_t& context) noexcept {
  return static_cast<unsigned>(exception_syndrome(context) >> 26) & 0x3f;
}
// Without a syndrome a store is assumed, because a page that is replaced writable serves loads too.
inline bool is_store(const ucontext_t& context) noexcept {
  const uint64_t syndrome = exception_syndrome(context);
  return syndrome == 0 || (syndrome & (1U << 6)) != 0;
}
inline bool is_instruction_fetch(const ucontext_t& context) noexcept {
  const unsigned kind = exception_class(context);
  return kind == 0x20 || kind == 0x21;
}

#else
#error "posix-mmap knows x86-64 and arm64"
#endif

}  // namespace posix_mmap
