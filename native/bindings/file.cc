#include "posix/files/file.h"

#include <cerrno>
#include <string>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "environment/environment.h"
#include "posix/files/file_advice.h"
#include "posix/files/file_identity.h"
#include "posix/files/shared_memory.h"

namespace posix_mmap {
namespace {

/// A descriptor that this thread closes at its end. Held before JavaScript runs again, where
/// worker.terminate() may stop it for good.
Napi::Value held(const Napi::CallbackInfo& info, int fd) {
  if (fd >= 0) Environment::of(info.Env()).descriptors().add(fd);
  return number(info, fd);
}

}  // namespace

Napi::Value size_of_file(const Napi::CallbackInfo& info) {
  return number(info, file_size(int32_at(info, 0)));
}

Napi::Value truncate_file(const Napi::CallbackInfo& info) {
  return number(info, truncate(int32_at(info, 0), uint64_at(info, 1)));
}

Napi::Value reserve_file_blocks(const Napi::CallbackInfo& info) {
  return number(info, reserve_blocks(int32_at(info, 0), uint64_at(info, 1), uint64_at(info, 2)));
}

// fileAdvice(fd, offset, length, advice): 0 | -errno
Napi::Value posix_fadvise(const Napi::CallbackInfo& info) {
  return number(info, advise_file(int32_at(info, 0), uint64_at(info, 1), uint64_at(info, 2),
                                  int32_at(info, 3)));
}

// isFileOf(handle, fd): whether the mapping writes to the file of a descriptor
Napi::Value is_file_of_region(const Napi::CallbackInfo& info) {
  const Region* const region = region_at(info);
  return Napi::Boolean::New(info.Env(),
                            region != nullptr && is_file(region->file(), int32_at(info, 1)));
}

// openFileOf(handle, fd, path): descriptor | -errno
Napi::Value open_file_of(const Napi::CallbackInfo& info) {
  const Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  const bool named = info[2].IsString();
  const std::string path = named ? string_at(info, 2) : std::string();
  return held(info, open_mapped_file(region->file(), region->extent(), int32_at(info, 1),
                                     named ? path.c_str() : nullptr));
}

Napi::Value memfd_create(const Napi::CallbackInfo& info) {
  const std::string name = string_at(info, 0);
  return held(info, create_memfd(name.c_str(), static_cast<unsigned>(int32_at(info, 1))));
}

Napi::Value shm_open(const Napi::CallbackInfo& info) {
  const std::string name = string_at(info, 0);
  return held(info, open_shared_memory(name.c_str(), int32_at(info, 1),
                                       static_cast<unsigned>(int32_at(info, 2))));
}

Napi::Value shm_unlink(const Napi::CallbackInfo& info) {
  const std::string name = string_at(info, 0);
  return number(info, unlink_shared_memory(name.c_str()));
}

Napi::Value fcntl_add_seals(const Napi::CallbackInfo& info) {
  return number(info, add_seals(int32_at(info, 0), int32_at(info, 1)));
}

Napi::Value fcntl_get_seals(const Napi::CallbackInfo& info) {
  return number(info, get_seals(int32_at(info, 0)));
}

Napi::Value fcntl_duplicate(const Napi::CallbackInfo& info) {
  return held(info, duplicate(int32_at(info, 0)));
}

Napi::Value fcntl_access_mode(const Napi::CallbackInfo& info) {
  return number(info, access_mode(int32_at(info, 0)));
}

// handOverDescriptor(fd): the caller closes it, and not this thread at its end
Napi::Value hand_over_descriptor(const Napi::CallbackInfo& info) {
  Environment::of(info.Env()).descriptors().hand_over(int32_at(info, 0));
  return info.Env().Undefined();
}

Napi::Value close_descriptor(const Napi::CallbackInfo& info) {
  return number(info, Environment::of(info.Env()).descriptors().close(int32_at(info, 0)));
}

}  // namespace posix_mmap
