// Finds the region that holds an address, for signal handlers: a radix tree over page numbers,
// built like a page table. A region that fills an entry of an upper level takes only that entry, so
// a terabyte costs about a thousand stores, and any look-up at most four steps.
#pragma once

#include <cstddef>

namespace posix_mmap {

class Region;

/// Enters the pages `base … base + length`, which no other region may hold: 0, or -ENOMEM, or
/// -EOPNOTSUPP for addresses above 2**48 (which the kernel gives only to those who ask for them).
int region_table_insert(const std::byte* base, size_t length, Region* region) noexcept;

/// Removes the pages again. Must come before the munmap(2), or the entry of another thread's new
/// mapping at the same addresses would be removed instead.
void region_table_erase(const std::byte* base, size_t length) noexcept;

/// The region at an address or nullptr. Wait-free and async-signal-safe.
Region* region_table_find(const void* address) noexcept;

}  // namespace posix_mmap
