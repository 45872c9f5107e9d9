#include <sys/mman.h>

#include <cerrno>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "posix/calls/advice.h"
#include "posix/calls/discard.h"
#include "posix/calls/drop_pages.h"
#include "posix/calls/guard_pages.h"
#include "posix/calls/lock.h"
#include "posix/calls/msync.h"
#include "posix/calls/populate.h"
#include "posix/calls/protection.h"
#include "posix/calls/residency.h"
#include "posix/threads/auto_advice.h"

namespace posix_mmap {
namespace {

/// Finds the region, calls `body(region, offset, length)` and returns its number.
template <typename Body>
Napi::Value on_range(const Napi::CallbackInfo& info, Body body) {
  Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  return number(info, body(*region, uint64_at(info, 1), uint64_at(info, 2)));
}

}  // namespace

Napi::Value msync(const Napi::CallbackInfo& info) {
  const int flags = int32_at(info, 3);
  return on_range(info, [=](Region& region, uint64_t offset, uint64_t length) {
    return sync(region, offset, length, flags);
  });
}

Napi::Value madvise(const Napi::CallbackInfo& info) {
  const int advice = int32_at(info, 3);
  return on_range(info, [=](Region& region, uint64_t offset, uint64_t length) {
    return advise(region, offset, length, advice);
  });
}

Napi::Value madvise_inside(const Napi::CallbackInfo& info) {
  const int advice = int32_at(info, 3);
  return on_range(info, [=](Region& region, uint64_t offset, uint64_t length) {
    // MADV_REMOVE removes bytes from the file, and the last page of the mapping may hold other
    // bytes of the file.
    const bool file_too = advice == MADV_REMOVE;
    if (file_too && !region.writable()) return -EACCES;
    return advise(region, offset, length, advice, file_too ? Rounding::strict : Rounding::inward);
  });
}

Napi::Value madvise_supported(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), advice_supported(int32_at(info, 0)));
}

// startAutoAdvice(handle, room): 0 | -errno
Napi::Value start_auto_advice(const Napi::CallbackInfo& info) {
  Region* const region = region_at(info);
  return number(info, region == nullptr ? -ESTALE : auto_advice_start(*region, uint64_at(info, 1)));
}

// stopAutoAdvice(handle)
Napi::Value stop_auto_advice(const Napi::CallbackInfo& info) {
  Region* const region = region_at(info);
  if (region != nullptr) auto_advice_stop(*region);
  return info.Env().Undefined();
}

Napi::Value mprotect(const Napi::CallbackInfo& info) {
  const int protection = int32_at(info, 3);
  return on_range(info, [=](Region& region, uint64_t offset, uint64_t length) {
    return protect(region, offset, length, protection);
  });
}

Napi::Value mlock(const Napi::CallbackInfo& info) {
  const bool on_fault = bool_at(info, 3);
  return on_range(info, [=](Region& region, uint64_t offset, uint64_t length) {
    return lock_pages(region, offset, length, on_fault);
  });
}

Napi::Value munlock(const Napi::CallbackInfo& info) { return on_range(info, unlock_pages); }

Napi::Value lock_limit_bytes(const Napi::CallbackInfo& info) {
  const uint64_t limit = lock_limit();
  const bool unlimited = limit == UINT64_MAX;
  return unlimited ? info.Env().Null() : number(info, static_cast<int64_t>(limit));
}

Napi::Value populate_range(const Napi::CallbackInfo& info) {
  const bool write = bool_at(info, 3);
  return on_range(info, [=](Region& region, uint64_t offset, uint64_t length) {
    return populate(region, offset, length, write);
  });
}

Napi::Value discard_range(const Napi::CallbackInfo& info) { return on_range(info, discard); }

Napi::Value drop_range(const Napi::CallbackInfo& info) { return on_range(info, drop_pages); }

Napi::Value punch_hole_range(const Napi::CallbackInfo& info) { return on_range(info, punch_hole); }

Napi::Value guard_range(const Napi::CallbackInfo& info) { return on_range(info, install_guard); }

Napi::Value unguard_range(const Napi::CallbackInfo& info) { return on_range(info, remove_guard); }

// pageCount(handle, offset, length): how many bytes the bitmap of mincore() must have
Napi::Value page_count(const Napi::CallbackInfo& info) { return on_range(info, count_pages); }

// pieceEnd(handle, offset, end, piece): where the piece ends that begins at `offset` | -errno
Napi::Value piece_end_of_range(const Napi::CallbackInfo& info) {
  const uint64_t piece = uint64_at(info, 3);
  return on_range(info, [=](Region& region, uint64_t offset, uint64_t end) {
    return static_cast<int64_t>(piece_end(region.extent(), offset, end, piece));
  });
}

// pieceStart(handle, begin, end, piece): where the piece begins that ends at `end` | -errno
Napi::Value piece_start_of_range(const Napi::CallbackInfo& info) {
  const uint64_t piece = uint64_at(info, 3);
  return on_range(info, [=](Region& region, uint64_t begin, uint64_t end) {
    return static_cast<int64_t>(piece_start(region.extent(), begin, end, piece));
  });
}

// mincore(handle, offset, length, bitmap): resident pages | -errno
Napi::Value mincore(const Napi::CallbackInfo& info) {
  const Bytes bitmap = bytes_at(info, 3);
  return on_range(info, [=](Region& region, uint64_t offset, uint64_t length) -> int64_t {
    const int64_t pages = count_pages(region, offset, length);
    if (pages < 0) return pages;
    if (static_cast<uint64_t>(pages) > bitmap.length) return -EINVAL;
    return residency(region, offset, length, reinterpret_cast<unsigned char*>(bitmap.data));
  });
}

}  // namespace posix_mmap
