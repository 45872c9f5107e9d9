// first_lookup TIMES NAME FILE…: open, fstat, mmap, one read in the middle, munmap, close.
#include "rounds.h"

static long times;
static int files;
static char** names_and_files;
static volatile char sink;

static double each(const char* path) {
  const double start = now_ns();
  for (long i = 0; i < times; i++) {
    const int fd = open_file(path);
    const size_t length = size_of(fd);
    char* const data = map_file(fd, length);
    sink += data[length / 2];
    munmap(data, length);
    close(fd);
  }
  return (now_ns() - start) / (double)times / 1e3;
}

static void measure(void) {
  for (int i = 0; i < files; i++) {
    printf("%s\"%s\":%f", i == 0 ? "{" : ",", names_and_files[2 * i],
           each(names_and_files[2 * i + 1]));
  }
  puts("}");
}

int main(int count, char** arguments) {
  if (count < 4) return 2;
  times = atol(arguments[1]);
  names_and_files = arguments + 2;
  files = (count - 2) / 2;
  each_round(measure);
}
