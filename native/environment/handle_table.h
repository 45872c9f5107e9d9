// The mappings of one JS thread by handle.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "environment/shared_buffer.h"
#include "posix/region/region.h"

namespace posix_mmap {

class ExternalBuffer;

/// What one Mapping object has of a region.
struct Holding {
  Region* region = nullptr;  ///< nullptr once it is unmapped; otherwise the holding is a user
  uint32_t generation = 0;
  uint64_t reported = 0;  ///< how many records of the fault log were reported
  std::vector<ExternalBuffer*> buffers;
  std::shared_ptr<SharedLease> lease;

  /// Whether there was a fault since this was asked last.
  bool take_unreported();
};

class HandleTable {
 public:
  HandleTable() = default;
  ~HandleTable();
  HandleTable(const HandleTable&) = delete;
  HandleTable& operator=(const HandleTable&) = delete;

  /// Takes over one user. Handles are positive, fit in a JS number exactly, and never come back for
  /// another mapping.
  uint64_t add(Region* region);
  Holding* find(uint64_t handle);
  /// Ends a handle and gives its user to the caller.
  Region* remove(uint64_t handle);

  /// Calls `visit(handle, holding)` for each handle that is in use. A visit may add and remove
  /// handles.
  template <typename Visit>
  void for_each(Visit visit) {
    for (size_t slot = 0; slot < holdings_.size(); ++slot) {
      if (holdings_[slot].region != nullptr) visit(handle_of(slot), holdings_[slot]);
    }
  }

 private:
  uint64_t handle_of(size_t slot) const;

  std::vector<Holding> holdings_;
  std::vector<uint32_t> free_slots_;
};

}  // namespace posix_mmap
