#include "posix/content/search.h"

#include <cerrno>
#include <memory>
#include <new>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "bindings/fault_value.h"
#include "posix/content/line_ends.h"
#include "posix/content/probe.h"
#include "posix/content/transfer.h"

namespace posix_mmap {
namespace {

/// (handle, offset, length, needle): offset | null | fault | -errno
template <typename Search>
Napi::Value search(const Napi::CallbackInfo& info, Search find) {
  Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  const uint64_t offset = uint64_at(info, 1);
  const uint64_t length = uint64_at(info, 2);
  const Bytes bytes = bytes_at(info, 3);
  if (!contains(region->extent(), offset, length)) return number(info, -ERANGE);
  if (bytes.length == 0) return number(info, -EINVAL);
  if (bytes.length > length) return info.Env().Null();
  // The needle is copied, because others may write to it during the search, which memmem(3) does
  // not expect, and because it may lie in a mapping that faults.
  const std::unique_ptr<std::byte[]> needle(new (std::nothrow) std::byte[bytes.length]);
  if (needle == nullptr) return number(info, -ENOMEM);
  const Fault fault = copy_from(bytes.data, bytes.length, needle.get());
  if (fault.kind != FaultKind::none) return fault_value(info, fault);
  const Found found = find(*region, offset, length, needle.get(), bytes.length);
  if (found.offset != Found::kNowhere) return number(info, static_cast<int64_t>(found.offset));
  return fault_value(info, found.fault);
}

/// Room for the ends of lines, in a Uint8Array.
struct Room {
  LineEnd* ends;
  size_t capacity;
};

Room room_at(const Napi::CallbackInfo& info, size_t index) {
  const Bytes bytes = bytes_at(info, index);
  if (reinterpret_cast<uintptr_t>(bytes.data) % alignof(LineEnd) != 0) return {nullptr, 0};
  return {reinterpret_cast<LineEnd*>(bytes.data), bytes.length / sizeof(LineEnd)};
}

/// (handle, offset, length): null | fault | -errno
template <typename Look>
Napi::Value look(const Napi::CallbackInfo& info, Look look_at) {
  Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  const uint64_t offset = uint64_at(info, 1);
  const uint64_t length = uint64_at(info, 2);
  if (!contains(region->extent(), offset, length)) return number(info, -ERANGE);
  return fault_value(info, look_at(*region, offset, length));
}

}  // namespace

Napi::Value search_first(const Napi::CallbackInfo& info) { return search(info, find_first); }

Napi::Value search_last(const Napi::CallbackInfo& info) { return search(info, find_last); }

// lineEnds(handle, offset, length, ends): number of lines | fault | -errno
Napi::Value line_ends(const Napi::CallbackInfo& info) {
  Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  const uint64_t offset = uint64_at(info, 1);
  const uint64_t length = uint64_at(info, 2);
  const Room room = room_at(info, 3);
  if (!contains(region->extent(), offset, length)) return number(info, -ERANGE);
  if (length > UINT32_MAX) return number(info, -EINVAL);
  const LineCount found = find_line_ends(*region, offset, length, room.ends, room.capacity);
  if (found.fault.kind != FaultKind::none) return fault_value(info, found.fault);
  return number(info, static_cast<int64_t>(found.lines));
}

// lineEndsOfCopy(bytes, length, ends): number of lines | -errno; the bytes are of no mapping
Napi::Value line_ends_of_copy(const Napi::CallbackInfo& info) {
  const Bytes bytes = bytes_at(info, 0);
  const uint64_t length = uint64_at(info, 1);
  const Room room = room_at(info, 2);
  if (length > bytes.length || length > UINT32_MAX) return number(info, -EINVAL);
  const size_t lines = find_line_ends(bytes.data, length, room.ends, room.capacity);
  return number(info, static_cast<int64_t>(lines));
}

// probe(handle, offset, length): null | fault | -errno
Napi::Value probe_range(const Napi::CallbackInfo& info) { return look(info, probe); }

// lostPage(handle, offset, length, write): null | fault | -errno
Napi::Value lost_page(const Napi::CallbackInfo& info) {
  const Access access = bool_at(info, 3) ? Access::write : Access::read;
  return look(info, [access](Region& region, uint64_t offset, uint64_t length) {
    return find_lost(region, offset, length, access);
  });
}

// stillThere(handle, offset, length): null | fault | -errno
Napi::Value still_there(const Napi::CallbackInfo& info) { return look(info, find_gone_since); }

// unsyncable(handle, offset, length): null | fault | -errno
Napi::Value unsyncable(const Napi::CallbackInfo& info) { return look(info, find_unsyncable); }

}  // namespace posix_mmap
