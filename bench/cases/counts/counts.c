// counts FILE TIMES: fstat, mmap, one read, munmap, and nothing else that a tracer would count.
// Prints how many page faults each round of them took.
#include "rounds.h"

static volatile char sink;

static long faults(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const int fd = open_file(arguments[1]);
  const long times = atol(arguments[2]);
  const long before = faults();
  access("/posix-mmap-count-from", F_OK);
  for (long i = 0; i < times; i++) {
    const size_t length = size_of(fd);
    char* const data = map_file(fd, length);
    sink += data[0];
    munmap(data, length);
  }
  access("/posix-mmap-count-to", F_OK);
  printf("%f\n", (double)(faults() - before) / (double)times);
}
