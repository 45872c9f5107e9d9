"""A peer of a MessageRing that knows nothing but docs/shared-state.md.

    python3 peer.py PATH receive          echoes how many messages there were, and a checksum of them
    python3 peer.py PATH send COUNT SEED  sends messages of many lengths as the only producer

Python has no atomic instructions. The loads and stores of aligned words are whole, and those of x86-64 are
in order; so this is a peer for that processor, and for one side of the ring alone. Two stores that should be
exchanges may lose a wake-up, which costs whoever waits 8 ms.
"""

import ctypes
import fcntl
import mmap
import os
import platform
import random
import struct
import sys
import time
import zlib

PRODUCERS, TAIL, CONSUMER, HEAD, AWAITED = 64, 80, 128, 144, 192
COMPLETE, SKIPPED, WAITS, CLOSED = 1 << 31, 1 << 30, 1 << 30, 0xFFFFFFFF
LENGTH = (1 << 30) - 1
FUTEX_WAKE = 1
SYS_FUTEX = {"x86_64": 202, "aarch64": 98}[platform.machine()]

libc = ctypes.CDLL(None)


def units_of(length):
    return 1 + (length + 7) // 8


class Ring:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR)
        self.memory = mmap.mmap(self.fd, 0)
        magic, kind, version = struct.unpack_from("<4sII", self.memory, 0)
        assert (magic, kind, version) == (b"PXMM", 3, 1)
        (size,) = struct.unpack_from("<Q", self.memory, 16)
        assert size == len(self.memory)
        self.start, self.capacity, self.single = struct.unpack_from("<III", self.memory, 24)
        assert self.start + self.capacity == size
        assert self.load(PRODUCERS) == 0x6D727001 and self.load(CONSUMER) == 0x6D726301
        self.units = self.capacity // 8
        # It lives as long as this descriptor is open; synchronisation.md.
        while True:
            self.number = random.SystemRandom().randrange(1, (1 << 30) - 1)
            lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, (1 << 62) + self.number, 1, 0)
            try:
                fcntl.fcntl(self.fd, 37, lock)  # F_OFD_SETLK
                break
            except BlockingIOError:
                pass

    def word(self, offset):
        return ctypes.c_uint32.from_buffer(self.memory, offset)

    def load(self, offset):
        return self.word(offset).value

    def store(self, offset, value):
        self.word(offset).value = value

    def wake(self, offset):
        address = ctypes.c_void_p(ctypes.addressof(self.word(offset)))
        libc.syscall(ctypes.c_long(SYS_FUTEX), address, FUTEX_WAKE, 0x7FFFFFFF, None, None, 0)

    def lock(self, offset):
        # Nobody else is on this side, or compare-and-exchange would be needed.
        assert self.load(offset + 4) == 0
        self.store(offset + 4, self.number)

    def unlock(self, offset):
        self.store(offset + 4, 0)

    def state(self, position):
        return self.start + 8 * (position % self.units)

    def advanced(self, position, by):
        return (position + by) % (2 * self.units)

    def parts(self, position, length):
        """Where the message of a record stands: it may go on at the start of the area."""
        begin = 8 * (position % self.units) + 8
        if begin >= self.capacity:
            begin -= self.capacity
        first = min(length, self.capacity - begin)
        yield self.start + begin, 0, first
        if first < length:
            yield self.start, first, length - first

    def send(self, message):
        units = units_of(len(message))
        tail = self.load(TAIL)
        assert self.load(self.state(tail)) == 0
        while True:
            head = self.load(HEAD) & ~WAITS
            if (tail - head) % (2 * self.units) + units < self.units:
                break
            time.sleep(0.0002)
        behind = self.advanced(tail, units)
        self.store(self.state(behind), 0)
        for place, begin, length in self.parts(tail, len(message)):
            self.memory[place : place + length] = message[begin : begin + length]
        self.store(self.state(tail), COMPLETE | len(message))
        self.store(TAIL, behind)
        if self.load(AWAITED) == tail + 1:
            self.wake(self.state(tail))

    def messages(self):
        while True:
            found = self.load(HEAD)
            head = found & ~WAITS
            state = self.load(self.state(head))
            if state == CLOSED:
                return
            if state & COMPLETE == 0:
                time.sleep(0.0002)
                continue
            length = state & LENGTH
            if state & SKIPPED == 0:
                parts = self.parts(head, length)
                yield b"".join(self.memory[place : place + size] for place, _, size in parts)
            found = self.load(HEAD)
            self.store(HEAD, self.advanced(head, units_of(length)))
            if found & WAITS:
                self.wake(HEAD)


def receive(ring):
    ring.lock(CONSUMER)
    count, checksum = 0, 0
    for message in ring.messages():
        count += 1
        checksum = zlib.crc32(message, checksum)
    ring.unlock(CONSUMER)
    print(count, checksum)


def send(ring, count, seed):
    assert ring.single == 1
    ring.lock(PRODUCERS)
    source = random.Random(seed)
    checksum = 0
    for number in range(count):
        length = source.randrange(3000) if number % 8 == 0 else source.randrange(100)
        message = source.randbytes(length)
        ring.send(message)
        checksum = zlib.crc32(message, checksum)
    ring.unlock(PRODUCERS)
    print(count, checksum)


ring = Ring(sys.argv[1])
if sys.argv[2] == "receive":
    receive(ring)
else:
    send(ring, int(sys.argv[3]), int(sys.argv[4]))
