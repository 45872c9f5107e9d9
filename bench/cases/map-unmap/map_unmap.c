// map_unmap SMALL LARGE TIMES_SMALL TIMES_LARGE: fstat, mmap, a read of every page, munmap.
#include "rounds.h"

static int small_fd, large_fd;
static long small_times, large_times;
static volatile char sink;

static double each(int fd, long times) {
  const double start = now_ns();
  for (long i = 0; i < times; i++) {
    const size_t length = size_of(fd);
    char* const data = map_file(fd, length);
    for (size_t at = 0; at < length; at += page_size()) sink += data[at];
    munmap(data, length);
  }
  return (now_ns() - start) / (double)times / 1e3;
}

static void measure(void) {
  const double small = each(small_fd, small_times);
  printf("{\"small\":%f,\"large\":%f}\n", small, each(large_fd, large_times));
}

int main(int count, char** arguments) {
  if (count != 5) return 2;
  small_fd = open_file(arguments[1]);
  large_fd = open_file(arguments[2]);
  small_times = atol(arguments[3]);
  large_times = atol(arguments[4]);
  each_round(measure);
}
