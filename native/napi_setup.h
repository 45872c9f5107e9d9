// The only include of <napi.h>. The macros before it decide what it compiles to, so every binding
// has to see the same ones.
//
// While a worker is terminated, every Node-API call that may run JS fails, and where a Napi class
// would throw for that, it ends the process instead. So only those of their functions are used that
// cannot fail; the rest is called by its status.
#pragma once

#define NAPI_VERSION 8  // the lowest that Node 20 to 26, Bun and Deno all speak
#define NAPI_DISABLE_CPP_EXCEPTIONS
#define NODE_ADDON_API_DISABLE_DEPRECATED

#include <napi.h>
