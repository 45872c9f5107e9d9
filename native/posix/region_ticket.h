// How a thread gets at a region that another one has mapped: by a number, never by an address.
#pragma once

#include <cstdint>

namespace posix_mmap {

class Region;

/// A number that names the region for as long as it has a user. Does not keep it.
uint64_t issue_ticket(Region& region) noexcept;

/// The region with one user more, or nullptr when its last user has gone.
Region* redeem_ticket(uint64_t ticket) noexcept;

/// Called when the last user goes.
void void_ticket(Region& region) noexcept;

/// A random number, the same for all threads of this process: tickets of others mean nothing here.
/// Below 2**53.
uint64_t ticket_office() noexcept;

}  // namespace posix_mmap
