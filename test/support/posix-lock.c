/* Preloaded into a process (LD_PRELOAD), takes a POSIX lock on the file that POSIX_LOCK_FILE names and
   keeps it, as a database in the process would. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void take_lock(void) {
  const char* const path = getenv("POSIX_LOCK_FILE");
  if (path == NULL) return;
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (fd < 0 || fcntl(fd, F_SETLK, &lock) != 0) _exit(99);
}
