// Which sanitizer the tests were built with.
#pragma once

namespace testing {

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TESTING_THREAD_SANITIZER 1
#endif
#if __has_feature(address_sanitizer)
#define TESTING_ADDRESS_SANITIZER 1
#endif
#endif

#if defined(TESTING_THREAD_SANITIZER)
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif
#if defined(TESTING_ADDRESS_SANITIZER)
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif
inline constexpr bool kSanitized = kThreadSanitizer || kAddressSanitizer;

/// Installs the fault guard, and lifts what TSan adds to it: it blocks all signals while a handler
/// runs, but the kernel ends a process in which a blocked fault happens, and the repair of a page
/// that is both read-only and truncated has one.
void allow_nested_faults();

}  // namespace testing
