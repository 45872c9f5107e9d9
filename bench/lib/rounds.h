// The parts that all limits share: they measure one round for each line of their standard input,
// and answer with a line of JSON.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static inline size_t page_size(void) {
  static size_t size = 0;
  if (size == 0) size = (size_t)sysconf(_SC_PAGESIZE);
  return size;
}

static inline double now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static inline void fail(const char* call) {
  printf("{\"error\":\"%s: %s\"}\n", call, strerror(errno));
  exit(1);
}

static inline int open_file(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("open");
  return fd;
}

static inline size_t size_of(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0) fail("fstat");
  return (size_t)status.st_size;
}

static inline char* map_file(int fd, size_t length) {
  char* const data = (char*)mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) fail("mmap");
  return data;
}

/// Maps a whole file and reads every page, so that all of them are in the page table.
static inline char* map_whole(const char* path, size_t* length) {
  const int fd = open_file(path);
  *length = size_of(fd);
  char* const data = map_file(fd, *length);
  volatile char sink = 0;
  for (size_t at = 0; at < *length; at += page_size()) sink = (char)(sink + data[at]);
  close(fd);
  return data;
}

/// Calls `round` for each line of the standard input.
static inline void each_round(void (*round)(void)) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  puts("{\"ready\":true}");
  char line[64];
  while (fgets(line, sizeof(line), stdin) != NULL) round();
}
