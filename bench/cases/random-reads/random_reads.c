// random_reads FILE TIMES: reads 64 bytes of a mapped file, as eight numbers, at random places. The
// size of the file must be a power of two.
#include "rounds.h"

static const double* words;
static uint32_t lines;
static long times;
static uint32_t state = 1;
static volatile double sink;

static void measure(void) {
  const double start = now_ns();
  double total = 0;
  for (long i = 0; i < times; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    const double* const line = words + (size_t)(state & (lines - 1)) * 8;
    for (int word = 0; word < 8; word++) total += line[word];
  }
  sink = total;
  printf("{\"read\":%f}\n", (now_ns() - start) / (double)times);
}

int main(int count, char** arguments) {
  if (count != 3) return 2;
  size_t length;
  words = (const double*)map_whole(arguments[1], &length);
  lines = (uint32_t)(length / 64);
  times = atol(arguments[2]);
  each_round(measure);
}
