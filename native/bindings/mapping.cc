#include <fcntl.h>

#include <cerrno>
#include <string>
#include <utility>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "environment/environment.h"
#include "posix/calls/map.h"
#include "posix/calls/map_file.h"
#include "posix/calls/remap.h"
#include "posix/content/fault_cause.h"
#include "posix/files/memory_account.h"

namespace posix_mmap {
namespace {

/// A path, as a string or as its bytes.
std::string path_at(const Napi::CallbackInfo& info, size_t index) {
  if (info[index].IsString()) return string_at(info, index);
  const Bytes bytes = bytes_at(info, index);
  return {reinterpret_cast<const char*>(bytes.data), bytes.length};
}

/// Whether what waits for the collector may be all that is missing, of addresses and of VMAs.
bool may_lie_in_quarantine(int error) {
  return error == -ENOMEM || error == -EMFILE || error == -ENFILE;
}

/// 0, or -errno where there is no table of its own, and nothing was done.
int map_in_table(bool own, OwnTable& table, const FileRequest& request, FileOutcome& outcome,
                 RegionUser& out) {
  const auto body = [&] { outcome = map_file(request, out); };
  if (own) return table.run(body);
  body();
  return 0;
}

}  // namespace

// map(fd, offset, length, prot, flags, address, hugePages, identity, keepsSize, lendsFd, path,
// mirrored): handle | -errno; the four before the last are of the file
Napi::Value map(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::of(info.Env());
  const std::string path = info[10].IsString() ? string_at(info, 10) : std::string();
  const MapRequest request{
      .fd = int32_at(info, 0),
      .offset = uint64_at(info, 1),
      .length = uint64_at(info, 2),
      .prot = int32_at(info, 3),
      .flags = int32_at(info, 4),
      .address = uint64_at(info, 5),
      .huge_pages = bool_at(info, 6),
      .file = identity_at(info, 7),
      .keeps_size = bool_at(info, 8),
      .lends_fd = bool_at(info, 9),
      .path = path.empty() ? nullptr : path.c_str(),
      .mirrored = info[11].IsUndefined() ? 0 : uint64_at(info, 11),
  };
  RegionUser region;
  int result = map_region(request, region);
  if (may_lie_in_quarantine(result) && environment.quarantine().count() > 0) {
    environment.quarantine().sweep(true);
    result = map_region(request, region);
  }
  if (result != 0) return number(info, result);
  return number(info, static_cast<int64_t>(environment.hold(std::move(region))));
}

// mapFile(file, openFlags, mode, offset, length, size, sparse, prot, flags, hugePages,
// mayBePrivate, ownTable): [handle, length, flags, step, error, fileSize, fileSystem]; `file` is a
// descriptor or a path; the handle is 0 if a step failed, and the step -1 if there is no table
Napi::Value map_file_region(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::of(info.Env());
  const bool named = !info[0].IsNumber();
  const std::string path = named ? path_at(info, 0) : std::string();
  FileRequest request{
      .path = named ? path.c_str() : nullptr,
      .open_flags = int32_at(info, 1),
      .mode = static_cast<unsigned>(int32_at(info, 2)),
      .length = int64_at(info, 4),
      .size = int64_at(info, 5),
      .sparse = bool_at(info, 6),
      .may_be_private = bool_at(info, 10),
      .map = {.fd = named ? -1 : int32_at(info, 0),
              .offset = uint64_at(info, 3),
              .prot = int32_at(info, 7),
              .flags = int32_at(info, 8),
              .huge_pages = bool_at(info, 9)},
  };
  const bool own = bool_at(info, 11);
  FileOutcome outcome;
  RegionUser region;
  int refused = map_in_table(own, environment.own_table(), request, outcome, region);
  if (may_lie_in_quarantine(outcome.error) && environment.quarantine().count() > 0) {
    environment.quarantine().sweep(true);
    request.open_flags &= ~(O_CREAT | O_EXCL);  // the file is there by now
    outcome = {};
    refused = map_in_table(own, environment.own_table(), request, outcome, region);
  }
  const bool done = refused == 0 && outcome.step == FileStep::none;
  const int64_t handle = done ? static_cast<int64_t>(environment.hold(std::move(region))) : 0;
  const int64_t step = refused != 0 ? -1 : static_cast<int64_t>(outcome.step);
  return numbers(info, {handle, static_cast<int64_t>(outcome.length), outcome.flags, step,
                        refused != 0 ? refused : outcome.error, outcome.file_size,
                        static_cast<int64_t>(outcome.file_system)});
}

// unmap(handle, detach): detaches every buffer, by the function `detach` if it is given, and gives
// the memory back. What there was of protection, if there was no fault, or with it
// [protection, unreported, kind, offset, count, errno]. -ESTALE, and nothing happens, the second
// time.
Napi::Value unmap(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::of(info.Env());
  Holding* const holding = environment.handles().find(uint64_at(info, 0));
  if (holding == nullptr) return number(info, -ESTALE);
  const Fault fault = logged_fault(*holding->region);
  const int protection = holding->region->uniform_protection();
  const bool unreported = holding->take_unreported();
  environment.unmap(uint64_at(info, 0), info[1]);
  if (fault.kind == FaultKind::none) return number(info, protection);
  return numbers(
      info, {protection, unreported ? 1 : 0, static_cast<int64_t>(fault.kind),
             static_cast<int64_t>(fault.offset), static_cast<int64_t>(fault.count), fault.error});
}

// release(handle): for a mapping that was collected with every buffer that this thread knows of.
Napi::Value release(const Napi::CallbackInfo& info) {
  Environment::of(info.Env()).release(uint64_at(info, 0));
  return info.Env().Undefined();
}

// remap(handle, length, detach): 0 | -errno
Napi::Value remap(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::of(info.Env());
  return number(info, environment.remap(uint64_at(info, 0), uint64_at(info, 1), info[2]));
}

// mapAgain(handle, length, fd, offset): 0 | -errno; -1 for memory without a file
Napi::Value map_again(const Napi::CallbackInfo& info) {
  const int result =
      Environment::of(info.Env())
          .map_again(uint64_at(info, 0), uint64_at(info, 1), int32_at(info, 2), uint64_at(info, 3));
  return number(info, result);
}

// lastPage(handle): [handle, length] of the last page up to the last byte, mapped once more to see
// whether the file has it; 0 where no page can be lost | -errno
Napi::Value last_page(const Napi::CallbackInfo& info) {
  const Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  const bool lasting =
      region->anonymous() || (region->file().known() && !region->file().can_shrink());
  if (lasting) return number(info, 0);
  if (!region->file().known()) return number(info, -ENODEV);
  RegionUser page;
  const int result = map_last_page(*region, page);
  if (result != 0) return number(info, result);
  // Nobody is told of its faults: the mapping is looked at then.
  HandleTable& handles = Environment::of(info.Env()).handles();
  const auto length = static_cast<int64_t>(page->extent().byte_length);
  return numbers(info, {static_cast<int64_t>(handles.add(std::move(page))), length});
}

// arrayBuffer(handle, offset, length): ArrayBuffer | -errno
Napi::Value array_buffer(const Napi::CallbackInfo& info) {
  const Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  const uint64_t offset = uint64_at(info, 1);
  const uint64_t length = uint64_at(info, 2);
  if (length == 0 || !contains(region->extent(), offset, length)) return number(info, -ERANGE);
  napi_value buffer = nullptr;
  const napi_status status =
      Environment::of(info.Env()).buffers().create(uint64_at(info, 0), offset, length, &buffer);
  if (status == napi_ok) return Napi::Value(info.Env(), buffer);
  if (info.Env().IsExceptionPending()) return Napi::Value();
  return number(info, status == napi_no_external_buffers_allowed ? -ENOTSUP : -ENOMEM);
}

// protection(handle): PROT_… of all pages, -1 when they differ | -errno
Napi::Value protection(const Napi::CallbackInfo& info) {
  const Region* const region = region_at(info);
  return number(info, region == nullptr ? -ESTALE : region->uniform_protection());
}

// address(handle): bigint | -errno
Napi::Value address(const Napi::CallbackInfo& info) {
  const Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  return Napi::BigInt::New(info.Env(), reinterpret_cast<uint64_t>(region->extent().data()));
}

// watchForEnd(): for worker threads, because a thread that outlives them may have got their memory
Napi::Value watch_for_end(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), Environment::of(info.Env()).end_watch().start());
}

// regionCounts(): [live regions of the process, buffers of this thread whose addresses wait]
Napi::Value region_counts(const Napi::CallbackInfo& info) {
  const size_t quarantined = Environment::of(info.Env()).quarantine().count();
  return numbers(info, {static_cast<int64_t>(live_regions()), static_cast<int64_t>(quarantined)});
}

// memoryAccount(): [locked, lockLimit, addresses, addressLimit, data, dataLimit, mappings,
// mappingLimit]; -1 for what is not known or has no limit
Napi::Value memory_account_now(const Napi::CallbackInfo& info) {
  const MemoryAccount account = memory_account();
  return numbers(info,
                 {account.locked, account.lock_limit, account.addresses, account.address_limit,
                  account.data, account.data_limit, account.mappings, account.mapping_limit});
}

// availableMemory(): bytes | -1
Napi::Value available_memory_now(const Napi::CallbackInfo& info) {
  return number(info, available_memory());
}

// mapCountLimit(): how many kernel mappings a process may have | -1
Napi::Value map_count_limit_now(const Napi::CallbackInfo& info) {
  return number(info, map_count_limit());
}

}  // namespace posix_mmap
