// What the kernel counts of this process's memory, and the limits on it: ENOMEM does not say which.
#pragma once

#include <cstdint>

namespace posix_mmap {

struct MemoryAccount {
  static constexpr int64_t kUnknown = -1;

  // In bytes; kUnknown without /proc, or where there is no limit.
  int64_t locked = kUnknown;         ///< VmLck of proc(5)
  int64_t lock_limit = kUnknown;     ///< RLIMIT_MEMLOCK, where it binds this process
  int64_t addresses = kUnknown;      ///< VmSize
  int64_t address_limit = kUnknown;  ///< RLIMIT_AS
  int64_t data = kUnknown;           ///< VmData
  int64_t data_limit = kUnknown;     ///< RLIMIT_DATA
  int64_t mappings = kUnknown;       ///< how many
  int64_t mapping_limit = kUnknown;  ///< vm.max_map_count
};

/// getrlimit(2), proc(5).
MemoryAccount memory_account() noexcept;

/// How many kernel mappings a process may have, or kUnknown without /proc.
int64_t map_count_limit() noexcept;

/// How much memory the machine can give without taking it from a process, in bytes: MemAvailable
/// and SwapFree of /proc/meminfo; without /proc what sysinfo(2) calls free, which leaves out what
/// the page cache could give back.
int64_t available_memory() noexcept;

}  // namespace posix_mmap
