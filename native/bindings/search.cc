#include "posix/content/search.h"

#include <cerrno>
#include <memory>
#include <new>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "bindings/fault_value.h"
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
