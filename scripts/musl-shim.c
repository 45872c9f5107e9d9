// The symbols that Debian's libstdc++ and libgcc take from glibc and that musl lacks, so that Bun for
// musl starts on Debian; scripts/musl.js compiles them. Only tests use them: the package needs none.
#include <stddef.h>

typedef void *locale_t;
struct tm;
extern size_t strftime_l(char *, size_t, const char *, const struct tm *, locale_t);
extern long getrandom(void *, size_t, unsigned);
extern unsigned long getauxval(unsigned long);
extern int __cxa_atexit(void (*)(void *), void *, void *);

char __libc_single_threaded = 0;

// Destroys the object when the process ends instead of the thread, which no test notices.
int __cxa_thread_atexit_impl(void (*destroy)(void *), void *object, void *library) {
  return __cxa_atexit(destroy, object, library);
}

// Always fails; libgcc then asks dl_iterate_phdr(3).
int _dl_find_object(void *address, void *result) { return -1; }

size_t __strftime_l(char *to, size_t size, const char *format, const struct tm *time,
                    locale_t locale) {
  return strftime_l(to, size, format, time, locale);
}

// std::random_device calls it, and cannot see an error: a value that is not random must end the
// process.
unsigned arc4random(void) {
  unsigned value;
  if (getrandom(&value, sizeof value, 0) != sizeof value) __builtin_trap();
  return value;
}

#ifdef __x86_64__
// libgcc defines both, but only as old versions of symbols, which musl ignores.
struct {
  unsigned vendor, type, subtype, features[1];
} __cpu_model;
int __cpu_indicator_init(void) { return 0; }
#endif

#ifdef __aarch64__
unsigned long __getauxval(unsigned long type) { return getauxval(type); }
#endif
