// How many kernel mappings we may still make. A process may have only so many (vm.max_map_count),
// and at that limit the next malloc(3) of the JavaScript engine ends it; so we stop before.
#pragma once

namespace posix_mmap {

/// Whether `count` more kernel mappings leave enough for everybody else. Counts them as made; what
/// is given back or merged is found out when it is counted anew.
bool map_budget_take(int count) noexcept;

/// A kernel mapping that is no more.
void map_budget_return() noexcept;

/// Kernel mappings that were made without asking. Async-signal-safe.
void map_budget_spend(int count) noexcept;

}  // namespace posix_mmap
