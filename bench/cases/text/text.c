// text FILE NEEDLE: memchr for every line, and memmem for the needle.
#include "rounds.h"

static const char* data;
static size_t length;
static const char* needle;

static void measure(void) {
  const double start = now_ns();
  size_t lines = 0;
  const char* const end = data + length;
  for (const char* at = data; at < end; lines++) {
    const char* const stop = memchr(at, '\n', (size_t)(end - at));
    if (stop == NULL) break;
    at = stop + 1;
  }
  const double counted = now_ns();
  const char* const found = memmem(data, length, needle, strlen(needle));
  const double searched = now_ns();
  printf("{\"lines\":%f,\"search\":%f,\"check\":\"%zu %td\"}\n", (counted - start) / 1e6,
         (searched - counted) / 1e6, lines, found == NULL ? -1 : found - data);
}

int main(int count, char** arguments) {
  if (count != 3) return 2;
  data = map_whole(arguments[1], &length);
  needle = arguments[2];
  each_round(measure);
}
