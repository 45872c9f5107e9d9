// How many kernel mappings (VMAs) the package may still make. A process may have vm.max_map_count
// of them, and at that limit the next malloc(3) of the JavaScript engine ends it, so the package
// stops earlier.
#pragma once

namespace posix_mmap {

/// Whether `count` more VMAs leave enough for everybody else. Counts them as made; VMAs that are
/// given back or merged are noticed at the next count.
bool map_budget_take(int count) noexcept;

/// Says that one VMA was unmapped.
void map_budget_return() noexcept;

/// Says that `count` VMAs were made without asking. Async-signal-safe.
void map_budget_spend(int count) noexcept;

}  // namespace posix_mmap
