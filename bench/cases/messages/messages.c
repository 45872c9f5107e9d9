// messages POLLED RECORDS: a ring between two processes that both poll, of records of any length in
// an area that is mapped twice, as C can have it with a producer and a consumer: two indices, each
// on a line of its own, each side with a copy of the other's. Then the writing of records alone.
#define _GNU_SOURCE
#include <sys/wait.h>

#include "rounds.h"

enum { message_bytes = 64, record_bytes = 120, header_bytes = 8, capacity = 1 << 20 };

struct indices {
  _Alignas(64) uint64_t tail;
  _Alignas(64) uint64_t head;
};

static struct indices* indices;
static char* area;
static uint64_t seen_head, seen_tail;
static long polled, records;

static uint64_t taken(uint32_t length) { return (header_bytes + length + 7) & ~7ull; }

static int try_send(const void* message, uint32_t length) {
  const uint64_t tail = __atomic_load_n(&indices->tail, __ATOMIC_RELAXED);
  const uint64_t next = tail + taken(length);
  if (next - seen_head > capacity) {
    seen_head = __atomic_load_n(&indices->head, __ATOMIC_ACQUIRE);
    if (next - seen_head > capacity) return 0;
  }
  char* const place = area + tail % capacity;
  memcpy(place, &length, sizeof(length));
  memcpy(place + header_bytes, message, length);
  __atomic_store_n(&indices->tail, next, __ATOMIC_RELEASE);
  return 1;
}

static const char* try_receive(uint32_t* length) {
  const uint64_t head = __atomic_load_n(&indices->head, __ATOMIC_RELAXED);
  if (head == seen_tail) {
    seen_tail = __atomic_load_n(&indices->tail, __ATOMIC_ACQUIRE);
    if (head == seen_tail) return NULL;
  }
  const char* const place = area + head % capacity;
  memcpy(length, place, sizeof(*length));
  return place + header_bytes;
}

static void release(uint32_t length) {
  __atomic_store_n(&indices->head, indices->head + taken(length), __ATOMIC_RELEASE);
}

static void clear(void) { indices->head = indices->tail = seen_head = seen_tail = 0; }

static double poll(void) {
  clear();
  const pid_t child = fork();
  if (child == 0) {
    char message[message_bytes];
    memset(message, 7, sizeof(message));
    for (long i = 0; i < polled; i++) {
      while (!try_send(message, sizeof(message))) {
      }
    }
    _exit(0);
  }
  double start = 0;
  uint64_t sum = 0;
  for (long i = 0; i < polled; i++) {
    uint32_t length;
    const char* message;
    while ((message = try_receive(&length)) == NULL) {
    }
    sum += (uint64_t)message[0];
    release(length);
    if (i == 0) start = now_ns();
  }
  const double end = now_ns();
  waitpid(child, NULL, 0);
  if (sum != 7 * (uint64_t)polled) fail("sum");
  return (end - start) / (double)(polled - 1);
}

/// The oldest records go, a few thousand at a time.
static double write_records(void) {
  clear();
  char record[record_bytes];
  memset(record, 7, sizeof(record));
  const double start = now_ns();
  for (long i = 0; i < records; i++) {
    if (try_send(record, sizeof(record))) continue;
    __atomic_store_n(&indices->head, indices->tail, __ATOMIC_RELEASE);
    i--;
  }
  return (now_ns() - start) / (double)records;
}

static void measure(void) {
  const double both = poll();
  printf("{\"polled\":%f,\"record\":%f}\n", both, write_records());
}

int main(int count, char** arguments) {
  if (count != 3) return 2;
  polled = atol(arguments[1]);
  records = atol(arguments[2]);
  const int access = PROT_READ | PROT_WRITE;
  indices =
      (struct indices*)mmap(NULL, sizeof(*indices), access, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  area = (char*)mmap(NULL, 2 * capacity, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const int fd = memfd_create("messages", MFD_CLOEXEC);
  if (indices == MAP_FAILED || area == MAP_FAILED || fd < 0) fail("mmap");
  if (ftruncate(fd, capacity) != 0) fail("ftruncate");
  for (int half = 0; half < 2; half++) {
    char* const place = area + half * (size_t)capacity;
    if (mmap(place, capacity, access, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) fail("mmap");
  }
  each_round(measure);
}
