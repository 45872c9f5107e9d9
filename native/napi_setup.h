// The only include of <napi.h>. The macros before it decide what it compiles to, so every binding
// must see the same ones.
//
// While a worker is being terminated, every Node-API call that may run JS fails, and a Napi class
// that would throw an exception for this ends the process instead. So only functions of those
// classes are used that cannot fail; everything else is called through C functions that return a
// status.
#pragma once

#define NAPI_VERSION 8  // the lowest that Node 20 to 26, Bun and Deno all speak
#define NAPI_DISABLE_CPP_EXCEPTIONS
#define NODE_ADDON_API_DISABLE_DEPRECATED

#include <napi.h>
