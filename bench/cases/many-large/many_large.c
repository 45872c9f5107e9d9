// many_large FILE TIMES: fstat, mmap, one read, munmap.
#include "rounds.h"

static int fd;
static long times;
static volatile char sink;

static void measure(void) {
  const double start = now_ns();
  for (long i = 0; i < times; i++) {
    const size_t length = size_of(fd);
    char* const data = map_file(fd, length);
    sink += data[0];
    munmap(data, length);
  }
  printf("{\"all\":%f}\n", (now_ns() - start) / 1e6);
}

int main(int count, char** arguments) {
  if (count != 3) return 2;
  fd = open_file(arguments[1]);
  times = atol(arguments[2]);
  each_round(measure);
}
