// sum FILE: the doubles of a mapped file, added in order.
#include "rounds.h"

static const double* numbers;
static size_t count_of_numbers;

static void measure(void) {
  const double start = now_ns();
  double total = 0;
  for (size_t i = 0; i < count_of_numbers; i++) total += numbers[i];
  const double time = (now_ns() - start) / 1e6;
  printf("{\"sum\":%f,\"check\":\"%.17g\"}\n", time, total);
}

int main(int count, char** arguments) {
  if (count != 2) return 2;
  size_t length;
  numbers = (const double*)map_whole(arguments[1], &length);
  count_of_numbers = length / sizeof(double);
  each_round(measure);
}
