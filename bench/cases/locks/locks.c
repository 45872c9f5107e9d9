// locks LOCKS TRIPS TAKES PROCESSES: a robust mutex of pthreads alone, a round trip by futex(2)
// between two processes, and the same mutex wanted by several processes.
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "rounds.h"

struct shared {
  pthread_mutex_t mutex;
  _Alignas(64) uint32_t ping;
  _Alignas(64) uint32_t pong;
  _Alignas(64) uint32_t start;
  uint32_t count;
};

static struct shared* shared;
static long locks, trips, takes, processes;

static void wait_for_change(uint32_t* word, uint32_t before) {
  while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == before) {
    syscall(SYS_futex, word, FUTEX_WAIT, before, NULL, NULL, 0);
  }
}

static void bump(uint32_t* word) {
  __atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
  syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static double uncontended(void) {
  const double start = now_ns();
  for (long i = 0; i < locks; i++) {
    pthread_mutex_lock(&shared->mutex);
    pthread_mutex_unlock(&shared->mutex);
  }
  return (now_ns() - start) / (double)locks;
}

static double round_trip(void) {
  shared->ping = shared->pong = 0;
  const pid_t child = fork();
  if (child == 0) {
    for (long i = 0; i < trips; i++) {
      wait_for_change(&shared->ping, (uint32_t)i);
      bump(&shared->pong);
    }
    _exit(0);
  }
  const double start = now_ns();
  for (long i = 0; i < trips; i++) {
    bump(&shared->ping);
    wait_for_change(&shared->pong, (uint32_t)i);
  }
  const double end = now_ns();
  waitpid(child, NULL, 0);
  return (end - start) / (double)trips / 1e3;
}

static double contended(void) {
  shared->start = shared->count = 0;
  for (long process = 0; process < processes; process++) {
    if (fork() != 0) continue;
    wait_for_change(&shared->start, 0);
    for (long i = 0; i < takes; i++) {
      pthread_mutex_lock(&shared->mutex);
      shared->count++;
      pthread_mutex_unlock(&shared->mutex);
    }
    _exit(0);
  }
  usleep(20000);
  const double start = now_ns();
  __atomic_store_n(&shared->start, 1, __ATOMIC_SEQ_CST);
  syscall(SYS_futex, &shared->start, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
  while (wait(NULL) > 0);
  const double end = now_ns();
  if (shared->count != (uint32_t)(takes * processes)) fail("count");
  return (end - start) / (double)(takes * processes) / 1e3;
}

static void measure(void) {
  const double lock = uncontended();
  const double trip = round_trip();
  printf("{\"uncontended\":%f,\"roundTrip\":%f,\"contended\":%f}\n", lock, trip, contended());
}

int main(int count, char** arguments) {
  if (count != 5) return 2;
  locks = atol(arguments[1]);
  trips = atol(arguments[2]);
  takes = atol(arguments[3]);
  processes = atol(arguments[4]);
  const int access = PROT_READ | PROT_WRITE;
  shared = (struct shared*)mmap(NULL, sizeof(*shared), access, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) fail("mmap");
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&shared->mutex, &attributes);
  each_round(measure);
}
