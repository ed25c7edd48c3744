# SPDX-License-Identifier: GPL-2.0
"""AF_LTP sockets for scripts, and the way into a network namespace."""

import ctypes
import os
import select
import socket
import struct
import time

AF_LTP = 18
SOL_LTP = 318
RED_LENGTH, COOKIE, NOTICES, NOTICE, RXINFO = 1, 2, 3, 4, 5
SEGMENT_SIZE, SNDBUF, RCVBUF = 6, 8, 9
MSG_MORE, MSG_ERRQUEUE = 0x8000, 0x2000
RX_RED, RX_EOB = 1, 2
BY_PEER = 1
CLONE_NEWNET = 0x40000000

ALL = ("start", "sent", "completed", "cancelled")
KINDS = {"start": 1, "sent": 2, "completed": 3, "cancelled": 4,
         "rx-start": 5, "rx-cancelled": 6}

LIBC = ctypes.CDLL(None, use_errno=True)
SLOW = int(os.environ.get("LTP_SLOW", 1))


def eventually(function, seconds):
    """Whether something becomes true in time; a slow machine has more of it."""
    until = time.time() + seconds * SLOW
    while not function():
        if time.time() > until:
            return False
        time.sleep(0.05)
    return True


class Namespace:
    """A network namespace: what is made after enter() belongs to it."""

    def __init__(self, name):
        self.name = name
        self.fd = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)

    def enter(self):
        if LIBC.setns(self.fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {self.name}")


class Notice:
    """struct ltp_notice"""

    def __init__(self, data):
        (self.cookie, self.engine, self.service, self.originator, self.session,
         self.length, self.kind, self.reason, self.flags,
         self.err) = struct.unpack("=6Q4I", data)

    def __str__(self):
        names = {number: name for name, number in KINDS.items()}
        out = [names.get(self.kind, str(self.kind)), f"s={self.session}",
               f"cookie={self.cookie}", f"length={self.length}"]
        if self.kind in (4, 6):
            out.append(f"reason={self.reason}")
            out.append(f"err={os.strerror(self.err)}")
        if self.flags & BY_PEER:
            out.append("by-peer")
        return " ".join(out)


class LtpSocket:
    """One socket of the namespace the thread is in.

    Python knows nothing of the family: bind() and connect() have to be called
    by hand.
    """

    def __init__(self, kind):
        types = {"rdm": socket.SOCK_RDM, "dgram": socket.SOCK_DGRAM}
        first = socket.socket(AF_LTP, types[kind], 0)
        # recvmsg() of Python wants a family whose addresses it knows.
        self.sock = socket.socket(socket.AF_UNIX, types[kind], 0, first.detach())
        self.sock.setblocking(False)
        self.option(RXINFO, 1)
        self.sent = 0           # bytes of the open block
        self.closed = False

    def option(self, name, value):
        self.sock.setsockopt(SOL_LTP, name, value)

    def address(self, call, engine, service):
        addr = struct.pack("=HHIQQ", AF_LTP, 0, 0, engine, service)
        if call(self.sock.fileno(), addr, len(addr)):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    def bind(self, engine, service):
        self.address(LIBC.bind, engine, service)

    def connect(self, engine, service):
        self.address(LIBC.connect, engine, service)

    def send(self, data, more=False, red=None, cookie=None):
        control = []
        if red is not None:
            control.append((SOL_LTP, RED_LENGTH, struct.pack("=Q", red)))
        if cookie is not None:
            control.append((SOL_LTP, COOKIE, struct.pack("=Q", cookie)))
        done = self.sock.sendmsg([data], control, MSG_MORE if more else 0)
        if done != len(data):
            raise OSError(0, f"sent {done} of {len(data)} bytes")
        self.sent = self.sent + done if more else 0

    def wait(self, events, seconds):
        """Whether one of these events comes in time."""
        poll = select.poll()
        poll.register(self.sock.fileno(), events)
        return bool(poll.poll(max(0, seconds) * 1000))

    def receive(self, seconds):
        """(data, end, originator, session, offset, length, flags), or None"""
        until = time.time() + seconds
        while True:
            if not self.wait(select.POLLIN, until - time.time()):
                return None
            try:
                data, control, flags, _ = self.sock.recvmsg(1 << 20, 256)
                break
            except BlockingIOError:
                # Woken by a notice, which stays there.
                if time.time() >= until:
                    return None
                time.sleep(0.005)
        for level, name, value in control:
            if level == SOL_LTP and name == RXINFO:
                info = struct.unpack("=4QII", value)[:5]
                return (data, bool(flags & socket.MSG_EOR)) + info
        raise OSError(0, "no LTP_RXINFO")

    def notice(self, seconds):
        """The next notice, or None"""
        if not self.wait(0, seconds):
            return None
        try:
            _, control, _, _ = self.sock.recvmsg(0, 256, MSG_ERRQUEUE)
        except BlockingIOError:
            return None
        for level, name, value in control:
            if level == SOL_LTP and name == NOTICE:
                return Notice(value)
        return None

    def close(self, linger=None):
        if linger is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, linger))
        self.sock.close()
        self.closed = True
