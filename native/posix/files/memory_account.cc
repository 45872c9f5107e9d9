#include "posix/files/memory_account.h"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <array>

#include "posix/files/kernel_file.h"

namespace posix_mmap {
namespace {

constexpr uint64_t kNoNumber = UINT64_MAX;

int64_t known(uint64_t number) noexcept {
  return number >= static_cast<uint64_t>(INT64_MAX) ? MemoryAccount::kUnknown
                                                    : static_cast<int64_t>(number);
}

int64_t kibibytes(const char* path, const char* name) noexcept {
  const uint64_t number = read_kernel_field(path, name, kNoNumber);
  return number == kNoNumber ? MemoryAccount::kUnknown : known(number * 1024);
}

/// The C libraries differ in the type of a resource.
template <typename Resource>
int64_t limit_of(Resource resource) noexcept {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return MemoryAccount::kUnknown;
  return limit.rlim_cur == RLIM_INFINITY ? MemoryAccount::kUnknown : known(limit.rlim_cur);
}

/// capget(2) — whether mlock(2) does without RLIMIT_MEMLOCK.
bool may_lock_all() noexcept {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (syscall(SYS_capget, &header, data.data()) != 0) return false;
  return (data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK)) != 0;
}

}  // namespace

MemoryAccount memory_account() noexcept {
  constexpr const char* kStatus = "/proc/self/status";
  MemoryAccount account;
  account.locked = kibibytes(kStatus, "VmLck:");
  account.addresses = kibibytes(kStatus, "VmSize:");
  account.data = kibibytes(kStatus, "VmData:");
  if (!may_lock_all()) account.lock_limit = limit_of(RLIMIT_MEMLOCK);
  account.address_limit = limit_of(RLIMIT_AS);
  account.data_limit = limit_of(RLIMIT_DATA);
  uint64_t mappings = 0;
  if (count_kernel_lines("/proc/self/maps", mappings) == 0) account.mappings = known(mappings);
  account.mapping_limit = map_count_limit();
  return account;
}

int64_t map_count_limit() noexcept {
  return known(read_kernel_number("/proc/sys/vm/max_map_count", kNoNumber));
}

int64_t available_memory() noexcept {
  constexpr const char* kMemory = "/proc/meminfo";
  const int64_t available = kibibytes(kMemory, "MemAvailable:");
  const int64_t swap = kibibytes(kMemory, "SwapFree:");
  if (available >= 0) return available + (swap < 0 ? 0 : swap);
  struct sysinfo info{};
  if (sysinfo(&info) != 0) return MemoryAccount::kUnknown;
  return known((uint64_t{info.freeram} + info.bufferram + info.freeswap) * info.mem_unit);
}

}  // namespace posix_mmap
