// evict FILE…: writes files back and drops them from the page cache.
#include "rounds.h"

int main(int count, char** arguments) {
  for (int i = 1; i < count; i++) {
    const int fd = open_file(arguments[i]);
    if (fsync(fd) != 0) fail("fsync");
    const int error = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (error != 0) {
      errno = error;
      fail("posix_fadvise");
    }
    close(fd);
  }
}
