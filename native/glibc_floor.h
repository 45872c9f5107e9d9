// binding.gyp includes this before every source file. Node itself needs glibc 2.28 and the
// libstdc++ of GCC 5. So that the addon needs no more, it binds to the first version of functions
// that later libraries moved or renamed. test/package/prebuilds.test.ts names the functions that
// belong here.
#pragma once

#include <features.h>

#ifdef __cplusplus
#include <bits/c++config.h>
// glibc 2.30 has these calls and musl has neither; std::condition_variable works without them.
#undef _GLIBCXX_USE_PTHREAD_COND_CLOCKWAIT
#undef _GLIBCXX_USE_PTHREAD_MUTEX_CLOCKLOCK
#endif

#ifdef __GLIBC__
#if defined(__x86_64__)
#define FIRST_GLIBC "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define FIRST_GLIBC "GLIBC_2.17"
#endif

#ifdef FIRST_GLIBC
#define BIND(name, version) __asm__(".symver " name "," name "@" version)
BIND("pthread_create", FIRST_GLIBC);
BIND("pthread_detach", FIRST_GLIBC);
BIND("pthread_join", FIRST_GLIBC);
BIND("pthread_sigmask", FIRST_GLIBC);
BIND("_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE", "GLIBCXX_3.4.11");
#undef BIND
#undef FIRST_GLIBC
#endif
#endif
