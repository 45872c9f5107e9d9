#include "posix/files/file.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "environment/environment.h"
#include "posix/files/cached_pages.h"
#include "posix/files/file_advice.h"
#include "posix/files/file_identity.h"
#include "posix/files/file_look.h"
#include "posix/files/shared_memory.h"

namespace posix_mmap {
namespace {

/// Returns a descriptor that this thread closes at its end. It is held before JavaScript runs
/// again, because worker.terminate() may stop that JavaScript and the descriptor would leak.
Napi::Value held(const Napi::CallbackInfo& info, int fd) {
  return number(info, fd < 0 ? fd : Environment::of(info.Env()).descriptors().add(fd));
}

/// `call(fd)` for the descriptor in argument 0, in the table in which it is open.
template <typename Call>
Napi::Value on_descriptor(const Napi::CallbackInfo& info, Call call) {
  return number(info, Environment::of(info.Env()).on_descriptor(int32_at(info, 0), call));
}

/// In a table of descriptors of its own: by the process's descriptor if it is that file still, or
/// by the path.
int open_in_own_table(const Region& region, int fd, const char* path) noexcept {
  const auto open = [&](const char* place) {
    return open_mapped_file(region.file().identity(), region.extent(), -1, place);
  };
  std::array<char, 32> link{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", fd);
  const int found = fd < 0 ? -EBADF : open(link.data());
  return found >= 0 || path == nullptr ? found : open(path);
}

}  // namespace

// fileSize(fd, identity): size | -errno; map() takes what is stored in `identity`
Napi::Value size_of_file(const Napi::CallbackInfo& info) {
  FileIdentity identity;
  const int64_t size = Environment::of(info.Env()).on_descriptor(int32_at(info, 0), [&](int fd) {
    return file_size(fd, identity);
  });
  store_identity(info, 1, identity);
  return number(info, size);
}

Napi::Value truncate_file(const Napi::CallbackInfo& info) {
  const uint64_t size = uint64_at(info, 1);
  return on_descriptor(info, [&](int fd) { return truncate(fd, size); });
}

Napi::Value reserve_file_blocks(const Napi::CallbackInfo& info) {
  const uint64_t offset = uint64_at(info, 1);
  const uint64_t length = uint64_at(info, 2);
  return on_descriptor(info, [&](int fd) { return reserve_blocks(fd, offset, length); });
}

// fileAdvice(fd, offset, length, advice): 0 | -errno
Napi::Value posix_fadvise(const Napi::CallbackInfo& info) {
  return number(info, advise_file(int32_at(info, 0), uint64_at(info, 1), uint64_at(info, 2),
                                  int32_at(info, 3)));
}

// cachestat(fd, offset, length): how many pages are in memory | -errno
Napi::Value cachestat(const Napi::CallbackInfo& info) {
  const uint64_t offset = uint64_at(info, 1);
  const uint64_t length = uint64_at(info, 2);
  return on_descriptor(info, [=](int fd) { return count_cached(fd, offset, length); });
}

// lookAtFile(path, mostBytes, mapped, identity, cached): size | -errno; stores in `cached`, a
// Float64Array, how many pages are in the page cache, or -errno
Napi::Value look_at_path(const Napi::CallbackInfo& info) {
  const std::string path = string_at(info, 0);
  const bool mapped = bool_at(info, 2);
  FileLook look;
  const int refused =
      look_at_file(path.c_str(), uint64_at(info, 1),
                   mapped ? CacheQuestion::kMapping : CacheQuestion::kStatistics, look);
  store_identity(info, 3, look.identity);
  const Elements<double> cached = doubles_at(info, 4);
  if (cached.length == 1) *cached.data = static_cast<double>(look.cached);
  return number(info, refused != 0 ? refused : look.size);
}

// openFileOf(handle, fd, path): descriptor | -errno; one that may be closed without dropping
// anybody's locks where that is possible
Napi::Value open_file_of(const Napi::CallbackInfo& info) {
  const Region* const region = region_at(info);
  if (region == nullptr) return number(info, -ESTALE);
  const int fd = int32_at(info, 1);
  const bool named = info[2].IsString();
  const std::string text = named ? string_at(info, 2) : std::string();
  const char* const path = named ? text.c_str() : nullptr;
  int found = -EBADF;
  const int refused = Environment::of(info.Env()).own_table().run([&] {
    found = open_in_own_table(*region, fd, path);
  });
  if (refused == 0 && found >= 0) return number(info, Environment::kOwnTable + found);
  const bool by_path = refused != 0 || fd < 0;
  const int result =
      open_mapped_file(region->file().identity(), region->extent(), fd, by_path ? path : nullptr);
  return held(info, result < 0 && refused == 0 && path != nullptr ? found : result);
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
  return on_descriptor(info, get_seals);
}

Napi::Value fcntl_duplicate(const Napi::CallbackInfo& info) {
  return held(info, duplicate(int32_at(info, 0)));
}

Napi::Value fcntl_access_mode(const Napi::CallbackInfo& info) {
  return number(info, access_mode(int32_at(info, 0)));
}

// handOverDescriptor(fd): from here on the caller closes it, and not this thread at its end
Napi::Value hand_over_descriptor(const Napi::CallbackInfo& info) {
  Environment::of(info.Env()).descriptors().hand_over(int32_at(info, 0));
  return info.Env().Undefined();
}

// isOwnDescriptor(fd): whether it is held, and still of the file that it was opened for
Napi::Value is_own_descriptor(const Napi::CallbackInfo& info) {
  const bool intact = Environment::of(info.Env()).descriptors().intact(int32_at(info, 0));
  return Napi::Boolean::New(info.Env(), intact);
}

// closeDescriptor(fd): 0 | -errno; -EBADF when it is another file's by now, which stays open
Napi::Value close_descriptor(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::of(info.Env());
  const int fd = int32_at(info, 0);
  if (fd < Environment::kOwnTable) return number(info, environment.descriptors().close(fd));
  return on_descriptor(info, [](int open) { return close(open) == 0 ? 0 : -errno; });
}

}  // namespace posix_mmap
