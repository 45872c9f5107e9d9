#!/usr/bin/env python3
"""A file system of one file, straight on /dev/fuse: server.py MOUNTPOINT MODE [SIZE].

`file` has SIZE bytes, 1 MiB by default; each byte tells its page: its number modulo 251, plus 1.
Lines on stdin set another mode while it runs; the end of stdin unmounts. Modes:

plain   everything is answered
direct  opened with FOPEN_DIRECT_IO: the kernel has private mappings only
eio     reads behind the second page fail with EIO
hang    reads behind the second page are not answered until the mode changes

The protocol is that of include/uapi/linux/fuse.h, version 7.31. Needs root.
"""
import ctypes
import errno
import mmap
import os
import selectors
import struct
import sys

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE = 1, 2, 3, 4, 14, 15, 16
STATFS, RELEASE, FSYNC, FLUSH, INIT, OPENDIR = 17, 18, 20, 25, 26, 27
RELEASEDIR, FSYNCDIR, ACCESS, INTERRUPT, BATCH_FORGET = 29, 30, 34, 36, 42
DIRECT_IO = 1
KEEP_CACHE = 2
ASYNC_READ = 1
ROOT, FILE = 1, 2
NO_ANSWER = object()
FOREVER = 3600
MNT_DETACH = 2

libc = ctypes.CDLL(None, use_errno=True)


def check(result, call):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


class Failure(Exception):
    def __init__(self, number):
        super().__init__(os.strerror(number))
        self.number = number


class Server:
    def __init__(self, mountpoint, mode, size):
        self.mode = mode
        self.content = bytearray(
            b"".join(
                bytes([page % 251 + 1]) * min(mmap.PAGESIZE, size - page * mmap.PAGESIZE)
                for page in range(-(-size // mmap.PAGESIZE))
            )
        )
        self.unanswered = []
        self.mountpoint = mountpoint.encode()
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other"
        check(libc.mount(b"test", self.mountpoint, b"fuse", 0, options.encode()), "mount")

    def attributes(self, node):
        mode, size = (0o40755, 4096) if node == ROOT else (0o100666, len(self.content))
        blocks = -(-size // 512)
        return struct.pack("<6Q10I", node, size, blocks, 1, 1, 1, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def answer(self, operation, node, body):
        if operation == INIT:
            # major, minor, readahead, flags, background, congestion, write size, granularity, pages, …
            return struct.pack("<4I2H2I2H8I", 7, 31, 131072, ASYNC_READ, 12, 9, 65536, 1, 32, 0, *[0] * 8)
        if operation == LOOKUP:
            if body.rstrip(b"\0") != b"file":
                raise Failure(errno.ENOENT)
            return struct.pack("<4Q2I", FILE, 0, FOREVER, FOREVER, 0, 0) + self.attributes(FILE)
        if operation in (GETATTR, SETATTR):
            return struct.pack("<Q2I", FOREVER, 0, 0) + self.attributes(node)
        if operation in (OPEN, OPENDIR):
            direct = operation == OPEN and self.mode == "direct"
            return struct.pack("<Q2I", 1, DIRECT_IO if direct else KEEP_CACHE, 0)
        if operation == READ:
            return self.read(*struct.unpack_from("<2QI", body)[1:])
        if operation == WRITE:
            _, offset, length = struct.unpack_from("<2QI", body)
            self.content[offset : offset + length] = body[40 : 40 + length]
            return struct.pack("<2I", length, 0)
        if operation == STATFS:
            return struct.pack("<5Q10I", 1 << 20, 1 << 19, 1 << 19, 1000, 900, 4096, 255, 4096, *[0] * 7)
        if operation in (RELEASE, FSYNC, FLUSH, RELEASEDIR, FSYNCDIR, ACCESS):
            return b""
        if operation in (FORGET, BATCH_FORGET, INTERRUPT):
            return NO_ANSWER
        raise Failure(errno.ENOSYS)

    def read(self, offset, length):
        if offset + length > 2 * mmap.PAGESIZE:
            if self.mode == "eio":
                raise Failure(errno.EIO)
            if self.mode == "hang":
                return None
        return bytes(self.content[offset : offset + length])

    def reply(self, unique, payload=b"", error=0):
        header = struct.pack("<IiQ", 16 + len(payload), -error, unique)
        try:
            os.write(self.device, header + payload)
        except OSError as failure:
            # Whoever asked was killed meanwhile.
            if failure.errno != errno.ENOENT:
                raise

    def serve(self, request):
        _, operation, unique, node = struct.unpack_from("<2I2Q", request)
        try:
            payload = self.answer(operation, node, request[40:])
        except Failure as failure:
            self.reply(unique, error=failure.number)
            return
        if payload is None:
            self.unanswered.append(request)
        elif payload is not NO_ANSWER:
            self.reply(unique, payload)

    def set_mode(self, mode):
        self.mode = mode
        waiting, self.unanswered = self.unanswered, []
        for request in waiting:
            self.serve(request)

    def run(self):
        selector = selectors.DefaultSelector()
        selector.register(self.device, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in selector.select():
                if key.fd == self.device:
                    self.serve(os.read(self.device, 1 << 20))
                    continue
                line = os.read(0, 100).decode()
                if line == "":
                    return
                self.set_mode(line.split()[-1])
                print("done", flush=True)

    def close(self):
        # Ends every request that waits, with ENOTCONN, before the mount goes.
        os.close(self.device)
        libc.umount2(self.mountpoint, MNT_DETACH)


server = Server(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1 << 20)
try:
    server.run()
except OSError as failure:
    # Somebody unmounted it.
    if failure.errno != errno.ENODEV:
        raise
finally:
    server.close()
