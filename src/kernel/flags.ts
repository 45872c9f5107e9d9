// The kernel's flags, which have the same numbers on x64 and arm64. A test compares each of them
// with the headers that the addon was compiled with.

/** mmap(2), mprotect(2). */
export enum Prot {
  /** No access at all: any is a fault of kind `'no-access'`. */
  NONE = 0,
  /** Pages may be read. */
  READ = 1,
  /** Pages may be written; on x64 and arm64 they can be read then as well. */
  WRITE = 2,
  /** Pages may be executed. */
  EXEC = 4,
}

/** mmap(2). */
export enum MapFlags {
  /** Stores reach the file, and others who have it mapped. */
  SHARED = 0x01,
  /** Stores stay in private copies of pages: copy-on-write. */
  PRIVATE = 0x02,
  /** SHARED, and EOPNOTSUPP for flags that the kernel does not know. */
  SHARED_VALIDATE = 0x03,
  /**
   * Does the same as FIXED_NOREPLACE: mmap() never replaces what is mapped at the address already.
   */
  FIXED = 0x10,
  /** No file: zeroed memory. */
  ANONYMOUS = 0x20,
  /** As mlock(2) for new pages; errors are not told. {@link mlock} tells them. */
  LOCKED = 0x2000,
  /** Reserve no swap; a store may then be killed where there is no memory. */
  NORESERVE = 0x4000,
  /** Fault pages in; errors are not told. {@link Mapping.populateSync} tells them. */
  POPULATE = 0x8000,
  /** With POPULATE: has had no effect but to disable that since Linux 2.6.23. */
  NONBLOCK = 0x10000,
  /** No effect on Linux; for what is used as a stack. */
  STACK = 0x20000,
  /**
   * With SHARED_VALIDATE, for files on persistent memory (DAX): stores are durable without
   * msync(2).
   */
  SYNC = 0x80000,
  /** Map at `addr` exactly; EEXIST where something is mapped already. */
  FIXED_NOREPLACE = 0x100000,
}

/** msync(2). */
export enum MsyncFlags {
  /**
   * Ask for the writing back, and do not wait: on Linux, which tracks dirty pages anyway, without
   * effect.
   */
  ASYNC = 1,
  /** Invalidate other mappings of the file; EBUSY for locked pages. */
  INVALIDATE = 2,
  /** Wait until it is written back. */
  SYNC = 4,
}

/** madvise(2). Younger than Linux 5.10: POPULATE_* (5.14), COLLAPSE (6.1), GUARD_* (6.13). */
export enum Madvise {
  /** No advice: ends RANDOM and SEQUENTIAL. */
  NORMAL = 0,
  /** Pages are accessed in no order: no read-ahead. */
  RANDOM = 1,
  /** Pages are accessed in order, once: more read-ahead. */
  SEQUENTIAL = 2,
  /** Start to read pages in. */
  WILLNEED = 3,
  /** Drop pages: what is private is lost, a shared file is read again. */
  DONTNEED = 4,
  /**
   * Private anonymous memory: the kernel may take the pages, and then they are zero; a store
   * before that keeps them.
   */
  FREE = 8,
  /** Free the blocks too, in the file: a hole. */
  REMOVE = 9,
  /** A child of fork(2) does not get the pages. */
  DONTFORK = 10,
  /** Ends DONTFORK. */
  DOFORK = 11,
  /** Pages of equal content may become one: KSM. */
  MERGEABLE = 12,
  /** Ends MERGEABLE. */
  UNMERGEABLE = 13,
  /** Use transparent huge pages. */
  HUGEPAGE = 14,
  /** Do not. */
  NOHUGEPAGE = 15,
  /** Leave the pages out of a core dump. */
  DONTDUMP = 16,
  /** Ends DONTDUMP. */
  DODUMP = 17,
  /** A child of fork(2) gets zeros; private anonymous memory only. */
  WIPEONFORK = 18,
  /** Ends WIPEONFORK. */
  KEEPONFORK = 19,
  /** Pages are the first to go when memory is needed. */
  COLD = 20,
  /** Write pages out and give them back now. */
  PAGEOUT = 21,
  /** Fault pages in for reading, and tell errors (Linux 5.14). */
  POPULATE_READ = 22,
  /** Fault pages in for writing, and tell errors (Linux 5.14). */
  POPULATE_WRITE = 23,
  /** Make huge pages of them now (Linux 6.1). */
  COLLAPSE = 25,
  /** Any access becomes a fault of kind `'no-access'` (Linux 6.13). */
  GUARD_INSTALL = 102,
  /** Ends GUARD_INSTALL. */
  GUARD_REMOVE = 103,
}

/** mremap(2). */
export enum MremapFlags {
  /** The memory may move to other addresses. */
  MAYMOVE = 1,
}

/** memfd_create(2). Younger than Linux 5.10: NOEXEC_SEAL, EXEC (6.3). */
export enum MemfdFlags {
  /** The descriptor is closed by exec(2). */
  CLOEXEC = 1,
  /** {@link addSeals} is allowed. */
  ALLOW_SEALING = 2,
  /** Not executable for good, and ALLOW_SEALING (Linux 6.3). */
  NOEXEC_SEAL = 8,
  /** Executable (Linux 6.3). */
  EXEC = 16,
}

/** fcntl(2) with F_ADD_SEALS and F_GET_SEALS. Younger than Linux 5.10: EXEC (6.3). */
export enum Seals {
  /** No seal may be added any more. */
  SEAL = 1,
  /** It cannot become smaller. */
  SHRINK = 2,
  /** It cannot become larger. */
  GROW = 4,
  /** Nobody can write; EBUSY while a writable mapping is shared. */
  WRITE = 8,
  /** Existing mappings stay writable. */
  FUTURE_WRITE = 16,
  /** Its mode cannot become executable, or cease to be. */
  EXEC = 32,
}
