// How many kernel mappings (VMAs) this package may still make. A process may have only so many
// (vm.max_map_count), and at that limit the next malloc(3) of the JavaScript engine ends it; so
// calls and repairs stop before. There is one account for both.
#pragma once

namespace posix_mmap {

/// Whether a call may make `count` more VMAs: 0, and they count as made; -ENOMEM when too few would
/// be left; -EMFILE or -ENFILE when that cannot be found out for want of a descriptor. The kernel's
/// count is looked up again when half of what was left is used up, and in time, since others map
/// too.
int map_budget_ask(int count) noexcept;

/// How far a repair may go.
enum class Repairs {
  roomy,  ///< as long as everybody else has what they need
  last,   ///< when there is no other way to keep the content of pages
};

/// The same for a repair, which may use some that calls may not. Async-signal-safe.
bool map_budget_repair(int count, Repairs reach) noexcept;

/// A VMA that is no more.
void map_budget_return() noexcept;

}  // namespace posix_mmap
