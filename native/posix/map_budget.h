// How many kernel mappings we may still make. A process may have only so many (vm.max_map_count),
// and at that limit the next malloc(3) of the JavaScript engine ends it; so we stop before.
#pragma once

namespace posix_mmap {

/// Whether `count` more kernel mappings leave enough for everybody else. Counts them as made.
bool map_budget_take(int count) noexcept;

/// Gives kernel mappings back that are no more.
void map_budget_return(int count) noexcept;

}  // namespace posix_mmap
