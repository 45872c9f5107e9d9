// The kernel's numbers, as this binary was compiled with them.
#pragma once

#include "napi_setup.h"

namespace posix_mmap {

/// { PROT_READ: 1, … , pageSize: … }
napi_value constants(napi_env env);

/// Of the sources that this binary was made from; the build defines it, scripts/source-digest.js.
extern const char kSourceDigest[];
napi_value source_digest(napi_env env);

}  // namespace posix_mmap
