// What Debian's libstdc++ and libgcc take from glibc and musl lacks, so that Bun for musl can be started
// on Debian; scripts/musl.js compiles it. For tests only: the package itself needs nothing of it.
#include <stddef.h>

typedef void *locale_t;
struct tm;
extern size_t strftime_l(char *, size_t, const char *, const struct tm *, locale_t);
extern long getrandom(void *, size_t, unsigned);
extern unsigned long getauxval(unsigned long);
extern int __cxa_atexit(void (*)(void *), void *, void *);

char __libc_single_threaded = 0;

// Destroyed when the process ends instead of the thread, which no test can tell.
int __cxa_thread_atexit_impl(void (*destroy)(void *), void *object, void *library) {
  return __cxa_atexit(destroy, object, library);
}

// libgcc then asks dl_iterate_phdr(3).
int _dl_find_object(void *address, void *result) { return -1; }

size_t __strftime_l(char *to, size_t size, const char *format, const struct tm *time,
                    locale_t locale) {
  return strftime_l(to, size, format, time, locale);
}

// std::random_device; one that has failed must not look random.
unsigned arc4random(void) {
  unsigned value;
  if (getrandom(&value, sizeof value, 0) != sizeof value) __builtin_trap();
  return value;
}

#ifdef __x86_64__
// libgcc has both, as old versions of symbols, which musl does not look at.
struct {
  unsigned vendor, type, subtype, features[1];
} __cpu_model;
int __cpu_indicator_init(void) { return 0; }
#endif

#ifdef __aarch64__
unsigned long __getauxval(unsigned long type) { return getauxval(type); }
#endif
