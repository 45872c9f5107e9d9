// open(2), fstat(2), mmap(2), fallocate(2) or ftruncate(2), close(2): a file becomes a region. In
// one function, because it runs where the descriptor may be open (threads/own_table.h).
#pragma once

#include <cstdint>

#include "posix/calls/map.h"

namespace posix_mmap {

/// What is wanted of a file.
struct FileRequest {
  static constexpr int64_t kNone = -1;

  const char* path = nullptr;  ///< opened and closed again; nullptr: `map.fd` is the file
  int open_flags = 0;
  unsigned mode = 0;            ///< of what open(2) creates
  int64_t length = kNone;       ///< in bytes; kNone: the rest of the file
  int64_t size = kNone;         ///< the file is made at least this long
  bool sparse = false;          ///< without blocks
  bool may_be_private = false;  ///< where the file system has no shared mappings
  MapRequest map;               ///< its length and its file are found out
};

/// The call that failed, or none.
enum class FileStep { none, open, stat, range, map, reserve, truncate };

struct FileOutcome {
  FileStep step = FileStep::none;
  int error = 0;             ///< -errno; 0 for FileStep::range
  int64_t file_size = 0;     ///< before it was made longer
  uint64_t length = 0;       ///< of the mapping, in bytes
  uint64_t file_system = 0;  ///< fstatfs(2), `f_type`, of a file that mmap(2) has refused
  int flags = 0;             ///< with which it was mapped
};

/// A new region for its first user, unless a step failed: then nothing is mapped, and
/// the file has the size that it had. A mapping that leaves the file is FileStep::range.
FileOutcome map_file(const FileRequest& request, RegionUser& out) noexcept;

}  // namespace posix_mmap
