// The kernel's flags, which have the same numbers on x64 and arm64. A test compares each of them
// with the headers that the addon was compiled with.

/** mmap(2), mprotect(2). */
export enum Prot {
  NONE = 0,
  READ = 1,
  WRITE = 2,
  EXEC = 4,
}

/** mmap(2). */
export enum MapFlags {
  SHARED = 0x01,
  PRIVATE = 0x02,
  SHARED_VALIDATE = 0x03,
  /**
   * Does the same as FIXED_NOREPLACE: mmap() never replaces what is mapped at the address already.
   */
  FIXED = 0x10,
  ANONYMOUS = 0x20,
  LOCKED = 0x2000,
  NORESERVE = 0x4000,
  POPULATE = 0x8000,
  NONBLOCK = 0x10000,
  STACK = 0x20000,
  SYNC = 0x80000,
  FIXED_NOREPLACE = 0x100000,
}

/** msync(2). */
export enum MsyncFlags {
  ASYNC = 1,
  INVALIDATE = 2,
  SYNC = 4,
}

/** madvise(2). Younger than Linux 5.10: POPULATE_* (5.14), COLLAPSE (6.1), GUARD_* (6.13). */
export enum Madvise {
  NORMAL = 0,
  RANDOM = 1,
  SEQUENTIAL = 2,
  WILLNEED = 3,
  DONTNEED = 4,
  FREE = 8,
  REMOVE = 9,
  DONTFORK = 10,
  DOFORK = 11,
  MERGEABLE = 12,
  UNMERGEABLE = 13,
  HUGEPAGE = 14,
  NOHUGEPAGE = 15,
  DONTDUMP = 16,
  DODUMP = 17,
  WIPEONFORK = 18,
  KEEPONFORK = 19,
  COLD = 20,
  PAGEOUT = 21,
  POPULATE_READ = 22,
  POPULATE_WRITE = 23,
  COLLAPSE = 25,
  GUARD_INSTALL = 102,
  GUARD_REMOVE = 103,
}

/** mremap(2). */
export enum MremapFlags {
  MAYMOVE = 1,
}

/** memfd_create(2). Younger than Linux 5.10: NOEXEC_SEAL, EXEC (6.3). */
export enum MemfdFlags {
  CLOEXEC = 1,
  ALLOW_SEALING = 2,
  NOEXEC_SEAL = 8,
  EXEC = 16,
}

/** fcntl(2) with F_ADD_SEALS and F_GET_SEALS. Younger than Linux 5.10: EXEC (6.3). */
export enum Seals {
  /** No seal may be added any more. */
  SEAL = 1,
  SHRINK = 2,
  GROW = 4,
  WRITE = 8,
  /** Existing mappings stay writable. */
  FUTURE_WRITE = 16,
  EXEC = 32,
}
