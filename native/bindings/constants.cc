#include "bindings/bindings.h"
#include "posix/kernel_constants.h"
#include "posix/page_range.h"

namespace posix_mmap {
namespace {

struct Constant {
  const char* name;
  uint32_t value;
};

#define CONSTANT(name) \
  Constant { #name, static_cast<uint32_t>(name) }
constexpr Constant kConstants[] = {
    CONSTANT(PROT_NONE),
    CONSTANT(PROT_READ),
    CONSTANT(PROT_WRITE),
    CONSTANT(PROT_EXEC),
    CONSTANT(MAP_SHARED),
    CONSTANT(MAP_PRIVATE),
    CONSTANT(MAP_SHARED_VALIDATE),
    CONSTANT(MAP_FIXED),
    CONSTANT(MAP_ANONYMOUS),
    CONSTANT(MAP_NORESERVE),
    CONSTANT(MAP_LOCKED),
    CONSTANT(MAP_POPULATE),
    CONSTANT(MAP_NONBLOCK),
    CONSTANT(MAP_STACK),
    CONSTANT(MAP_SYNC),
    CONSTANT(MAP_FIXED_NOREPLACE),
    CONSTANT(MS_ASYNC),
    CONSTANT(MS_INVALIDATE),
    CONSTANT(MS_SYNC),
    CONSTANT(MADV_NORMAL),
    CONSTANT(MADV_RANDOM),
    CONSTANT(MADV_SEQUENTIAL),
    CONSTANT(MADV_WILLNEED),
    CONSTANT(MADV_DONTNEED),
    CONSTANT(MADV_FREE),
    CONSTANT(MADV_REMOVE),
    CONSTANT(MADV_DONTFORK),
    CONSTANT(MADV_DOFORK),
    CONSTANT(MADV_MERGEABLE),
    CONSTANT(MADV_UNMERGEABLE),
    CONSTANT(MADV_HUGEPAGE),
    CONSTANT(MADV_NOHUGEPAGE),
    CONSTANT(MADV_DONTDUMP),
    CONSTANT(MADV_DODUMP),
    CONSTANT(MADV_WIPEONFORK),
    CONSTANT(MADV_KEEPONFORK),
    CONSTANT(MADV_COLD),
    CONSTANT(MADV_PAGEOUT),
    CONSTANT(MADV_COLLAPSE),
    CONSTANT(MADV_POPULATE_READ),
    CONSTANT(MADV_POPULATE_WRITE),
    CONSTANT(POSIX_FADV_DONTNEED),
    CONSTANT(MREMAP_MAYMOVE),
    CONSTANT(MREMAP_FIXED),
    CONSTANT(MFD_CLOEXEC),
    CONSTANT(MFD_ALLOW_SEALING),
    CONSTANT(MFD_HUGETLB),
    CONSTANT(MFD_NOEXEC_SEAL),
    CONSTANT(F_SEAL_SEAL),
    CONSTANT(F_SEAL_SHRINK),
    CONSTANT(F_SEAL_GROW),
    CONSTANT(F_SEAL_WRITE),
    CONSTANT(F_SEAL_FUTURE_WRITE),
    CONSTANT(F_SEAL_EXEC),
};
#undef CONSTANT

}  // namespace

napi_value constants(napi_env env) {
  napi_value object = nullptr;
  napi_create_object(env, &object);
  const auto set = [&](const char* name, double value) {
    napi_value number = nullptr;
    napi_create_double(env, value, &number);
    napi_set_named_property(env, object, name, number);
  };
  for (const Constant& constant : kConstants) set(constant.name, constant.value);
  set("pageSize", static_cast<double>(page_size()));
  return object;
}

napi_value source_digest(napi_env env) {
  napi_value digest = nullptr;
  napi_create_string_latin1(env, kSourceDigest, NAPI_AUTO_LENGTH, &digest);
  return digest;
}

}  // namespace posix_mmap
