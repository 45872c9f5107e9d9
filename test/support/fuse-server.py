#!/usr/bin/env python3
"""A file system that fails on purpose: fuse-server.py DIRECTORY FAILURE COMMAND…

Mounts itself on DIRECTORY, runs the command, and ends with its status. There is one file in it,
`file`: 16 pages, in which each byte is the number of its page, counted from 1. Pages 0 to 3 can be
read. What a read of the others meets is FAILURE:

errno number    the error, such as 5 for EIO
gone            the server has closed its connection: ENOTCONN from then on

By the protocol of linux/fuse.h, version 7.31; needs root and /dev/fuse.
"""
import ctypes
import errno
import mmap
import os
import select
import struct
import sys

PAGE = mmap.PAGESIZE
PAGES, READABLE = 16, 4
ROOT, FILE = 1, 2
LOOKUP, FORGET, GETATTR, OPEN, READ, RELEASE, INIT, OPENDIR = 1, 2, 3, 14, 15, 18, 26, 27
FLUSH, RELEASEDIR, BATCH_FORGET, READDIR = 25, 29, 42, 28


class Gone(Exception):
    pass


def attributes(node):
    size, mode = (0, 0o40755) if node == ROOT else (PAGES * PAGE, 0o100644)
    times = (0, 0, 0)
    owner = (0, 0)
    return struct.pack('<6Q10I', node, size, size // 512, *times, *times, mode, 1, *owner, 0, PAGE, 0)


class Server:
    def __init__(self, directory, failure):
        self.failure = failure
        self.connection = os.open('/dev/fuse', os.O_RDWR | os.O_CLOEXEC)
        options = f'fd={self.connection},rootmode=40000,user_id=0,group_id=0,allow_other'
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b'test', directory.encode(), b'fuse.test', 0, options.encode()) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error), 'mount')

    def answer(self, operation, node, body):
        if operation == INIT:
            # No read-ahead, or a page that can be read would fail with one that cannot.
            return struct.pack('<4I2H2I2H8I', 7, 31, 0, 0, 1, 1, 1 << 16, 1, 1, 0, *[0] * 8)
        if operation == LOOKUP:
            if body != b'file\0':
                raise OSError(errno.ENOENT, '')
            return struct.pack('<4Q2I', FILE, 0, 0, 0, 0, 0) + attributes(FILE)
        if operation == GETATTR:
            return struct.pack('<Q2I', 0, 0, 0) + attributes(node)
        if operation in (OPEN, OPENDIR):
            return struct.pack('<Q2I', 0, 0, 0)
        if operation == READ:
            _, offset, size = struct.unpack_from('<2QI', body)
            first, last = offset // PAGE, (offset + size - 1) // PAGE
            if last >= READABLE:
                if self.failure == 'gone':
                    raise Gone
                raise OSError(int(self.failure), '')
            content = b''.join(bytes([page + 1]) * PAGE for page in range(first, last + 1))
            return content[offset - first * PAGE:][:size]
        if operation in (RELEASE, RELEASEDIR, FLUSH, READDIR):
            return b''
        raise OSError(errno.ENOSYS, '')

    def serve(self):
        """One request. False when there will be no other."""
        try:
            request = os.read(self.connection, 1 << 18)
        except OSError as error:
            return error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN)
        _, operation, unique, node = struct.unpack_from('<2I2Q', request)
        if operation in (FORGET, BATCH_FORGET):
            return True
        code, reply = 0, b''
        try:
            reply = self.answer(operation, node, request[40:])
        except Gone:
            os.close(self.connection)
            return False
        except OSError as error:
            code = error.errno
        try:
            os.write(self.connection, struct.pack('<IiQ', 16 + len(reply), -code, unique) + reply)
        except OSError:
            pass  # whoever asked has been interrupted
        return True


def main(directory, failure, *command):
    server = Server(directory, failure)
    child = os.fork()
    if child == 0:
        os.execvp(command[0], command)
    open_ = True
    while True:
        done, status = os.waitpid(child, os.WNOHANG if open_ else 0)
        if done == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xff)
        if select.select([server.connection], [], [], 0.05)[0]:
            open_ = server.serve()


main(*sys.argv[1:])
