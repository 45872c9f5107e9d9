// The mappings of one JS thread by handle.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "environment/shared_buffer.h"
#include "posix/region/region.h"
#include "posix/region/region_users.h"

namespace posix_mmap {

class ExternalBuffer;

/// What one Mapping object has of a region.
struct Holding {
  RegionUser region;  ///< empty once it is unmapped
  uint32_t generation = 0;
  uint64_t reported = 0;  ///< how many records of the fault log were reported
  std::vector<ExternalBuffer*> buffers;
  std::shared_ptr<SharedLease> lease;

  /// Whether there were faults that were not reported; from now on they count as reported.
  bool take_unreported();
};

class HandleTable {
 public:
  HandleTable() = default;
  HandleTable(const HandleTable&) = delete;
  HandleTable& operator=(const HandleTable&) = delete;

  /// Handles are positive, fit in a JS number exactly, and never come back for
  /// another mapping.
  uint64_t add(RegionUser region);
  Holding* find(uint64_t handle);
  /// Ends a handle, which must be in use, and gives its user to the caller.
  RegionUser remove(uint64_t handle);

  /// Calls `visit(handle, holding)` for each handle that is in use. A visit may add and remove
  /// handles.
  template <typename Visit>
  void for_each(Visit visit) {
    for (size_t slot = 0; slot < holdings_.size(); ++slot) {
      if (holdings_[slot].region) visit(handle_of(slot), holdings_[slot]);
    }
  }

 private:
  uint64_t handle_of(size_t slot) const;

  std::vector<Holding> holdings_;
  std::vector<uint32_t> free_slots_;
};

}  // namespace posix_mmap
