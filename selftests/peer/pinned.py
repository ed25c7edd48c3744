#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What a sender pins: pinned.py NEAR FAR.

NEAR and FAR are network namespaces, as pinned.sh makes them.  In NEAR is engine
1, whose sockets send; in FAR engine 2, which receives and claims.  Engine 3 is
nobody: what is sent to it stays.  Prints TAP.
"""

import errno
import json
import mmap
import os
import resource
import socket
import subprocess
import sys
import time

import app
from cgroup import Cgroup, Skip
from memory import Memory, charged

HONEST, SILENT = "10.18.1.2", "10.18.1.9"
SERVICE = 5
# What stays, what goes, and what the kernel takes pages of.
LITTLE, MUCH, PAGE = 100, 32600, 32 << 10
# Of a page of the sender's; of one block, as many as sendmsg() takes
PIECE, PIECES = 600, 1000
# As many pieces as a buffer has room for are one that is not copied.
SEGMENT = 8400
SO_ZEROCOPY, MSG_ZEROCOPY = 60, 0x4000000
# Of limits: bytes of SO_SNDBUF and of net.ltp.mem, what a memory cgroup has
# more, and what it may have beyond its limit
SNDBUF, MEM, GROUP, OVER = 4 << 20, 12 << 20, 12 << 20, 2 << 20
PLENTY = 500 << 20
SLOW = int(os.environ.get("LTP_SLOW", 1))


class Wrong(Exception):
    """What should not be."""


def expect(condition, what):
    if not condition:
        raise Wrong(what)


def ltp(*words):
    done = subprocess.run(["ltp", *map(str, words)], capture_output=True,
                          text=True, check=True, stdin=subprocess.DEVNULL)
    return done.stdout


def stats():
    return json.loads(ltp("-j", "stats", "show", "engine", 1))[0]


def eventually(function, seconds):
    until = time.time() + seconds * SLOW
    while not function():
        if time.time() > until:
            return False
        time.sleep(0.05)
    return True


class Sender:
    """Sockets that send to engine 3, and others that are not in the way."""

    def __init__(self, receiver=None, sndbuf=PLENTY):
        self.receiver, self.sndbuf, self.socks = receiver, sndbuf, []
        self.first = self.socket()

    def socket(self):
        sock = app.LtpSocket("rdm")
        sock.option(app.SNDBUF, self.sndbuf // 2)       # the kernel doubles it
        sock.bind(1, SERVICE + 1 + len(self.socks))
        sock.connect(3, SERVICE)
        self.socks.append(sock)
        return sock

    def close(self):
        """Gives up what is on its way."""
        for sock in self.socks:
            sock.close(0)

    # Each sends one thing, of which little stays, and much is or was pinned.

    def between_green(self):
        """A block, and one that leaves."""
        self.first.send(bytes(LITTLE))
        self.first.send(bytes(MUCH), red=0)

    def green_in_it(self):
        """A block whose end leaves."""
        self.first.send(bytes(LITTLE + MUCH), red=LITTLE)

    def between_claimed(self):
        """A block, and one that arrives."""
        self.first.send(bytes(LITTLE))
        self.first.connect(2, SERVICE)
        try:
            self.first.send(bytes(MUCH))
        finally:
            self.first.connect(3, SERVICE)
        while self.receiver.receive(0):
            pass

    def of_many(self):
        """A block of a socket of its own."""
        self.socket().send(bytes(LITTLE))

    def bytes_(self):
        """Blocks of a byte"""
        for _ in range(32):
            self.first.send(b"b")

    def in_two(self):
        """A block that goes on, and ends."""
        self.first.send(bytes(LITTLE), more=True)
        self.first.send(b"e")

    def of_pages(self):
        """Little of each of many pages of the sender's, by a socket of its own:
        a socket has few notifications."""
        first = self.socket()
        first.option(app.SEGMENT_SIZE, SEGMENT)
        sock = first.sock
        sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        with mmap.mmap(-1, PIECES * mmap.PAGESIZE,
                       flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as area:
            for k in range(PIECES):
                area[k * mmap.PAGESIZE] = k & 0xff
            with memoryview(area) as view:
                parts = [view[k * mmap.PAGESIZE:k * mmap.PAGESIZE + PIECE]
                         for k in range(PIECES)]
                sent = sock.sendmsg(parts, [], MSG_ZEROCOPY)
                for part in parts:
                    part.release()
        expect(sent == PIECES * PIECE, f"sent {sent} bytes")


class Test:
    """What all checks share."""

    def __init__(self, near, far):
        self.n = self.failed = 0
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.near, self.far = app.Namespace(near), app.Namespace(far)
        self.far.enter()
        ltp("engine", "add", 2, "local", HONEST)
        ltp("span", "add", "engine", 2, "to", 1, "addr", "10.18.1.1", "rate",
            "unlimited")
        self.receiver = app.LtpSocket("rdm")
        self.receiver.bind(2, SERVICE)
        self.near.enter()
        with open("/proc/sys/net/ltp/wmem", "w", encoding="ascii") as f:
            f.write(f"4096 {1 << 20} {PLENTY}")
        ltp("engine", "add", 1)
        ltp("span", "add", "engine", 1, "to", 2, "addr", HONEST, "rate",
            "unlimited")
        ltp("span", "add", "engine", 1, "to", 3, "addr", SILENT, "rate",
            "unlimited", "owlt", "500s")

    def check(self, name, function, *words):
        self.n += 1
        began = time.time()
        said = skip = None
        try:
            said = function(*words)
            ok = True
        except Skip as e:
            ok, skip = True, f" # SKIP {e}"
        except Wrong as e:
            ok, said = False, str(e)
        except (OSError, subprocess.CalledProcessError) as e:
            ok, said = False, f"{type(e).__name__}: {e}"
        self.failed += not ok
        if said:
            print("#" if ok else "# wrong:", said)
        print(f"{'ok' if ok else 'not ok'} {self.n} - {name}",
              skip or f"# {time.time() - began:.1f} s", flush=True)

    def mem(self, pages=None):
        """Sets net.ltp.mem, which only the initial namespace may; returns
        what it was."""
        app.LIBC.setns(self.home, app.CLONE_NEWNET)
        try:
            with open("/proc/sys/net/ltp/mem", "r+", encoding="ascii") as f:
                old = int(f.read())
                if pages is not None:
                    f.seek(0)
                    f.write(str(pages))
        finally:
            self.near.enter()
        return old

    @staticmethod
    def until(sender, case, n):
        """Sends until there is no room; returns how often, n at most."""
        step = getattr(sender, case)
        for k in range(n):
            try:
                step()
            except OSError as e:
                expect(e.errno in (errno.EAGAIN, errno.ENOBUFS), str(e))
                return k
        return n

    def true(self, case, each=PAGE):
        """What is charged is what is pinned; each time so much may be."""
        # What a kernel keeps for what it was asked for once.
        sender = Sender(self.receiver)
        self.until(sender, case, 10)
        sender.close()
        memory = Memory()
        sender = Sender(self.receiver)
        n = self.until(sender, case, 3 * memory.slack // 2 // each)
        wrong, said = memory.wrong()
        sender.close()
        expect(not wrong, f"{n} times: {wrong}")
        expect(n > 100 or each > PAGE, f"only {n} times")
        # Each CPU keeps up to 256 pages that nobody holds.
        expect(eventually(lambda: charged() <= 256 * os.cpu_count() *
                          mmap.PAGESIZE, 10), f"{charged()} bytes are left")
        # Idle pages are kept for seconds.
        expect(eventually(lambda: not memory.wrong()[0], 30),
               f"afterwards: {memory.wrong()[1]}")
        return f"{n} times: {said}"

    def sndbuf(self):
        """SO_SNDBUF: as many pages as it has bytes for."""
        before = stats()["sndbuf-waits"]
        sender = Sender(self.receiver, SNDBUF)
        try:
            n = self.until(sender, "between_claimed", 4 * SNDBUF // MUCH)
        finally:
            sender.close()
        waits = stats()["sndbuf-waits"] - before
        expect(waits, "nobody counted it")
        # Some pages hold no block that stays.
        expect(SNDBUF // MUCH // 2 <= n <= SNDBUF // MUCH * 5 // 4, f"{n} times")
        return f"{n} times"

    def machine(self):
        """net.ltp.mem"""
        before, old = stats()["limit-mem"], self.mem(MEM // mmap.PAGESIZE)
        sender = Sender(self.receiver)
        try:
            n = self.until(sender, "between_claimed", 4 * MEM // MUCH)
            held = charged()
        finally:
            self.mem(old)
            sender.close()
        count = stats()["limit-mem"] - before
        expect(count, f"{n} times, and nobody counted it")
        expect(n <= MEM // MUCH + 64, f"{n} times, {held >> 10} kB charged")
        return f"{n} times, {held >> 10} kB charged"

    def group(self):
        """The memory cgroup of whoever made the socket"""
        cgroup = Cgroup(os.environ.get("TMPDIR", "/tmp") + f"/cg-{os.getpid()}")
        before = stats()["limit-mem"]
        out, told = os.pipe()
        pid = os.fork()
        if not pid:
            text = ""
            try:
                cgroup.enter()
                sender = Sender(self.receiver)
                limit = cgroup.limit(GROUP)
                n = self.until(sender, "between_claimed", 4 * GROUP // MUCH)
                text = f"{n} {cgroup.peak() - limit} {cgroup.kills()}"
                sender.close()
            except (OSError, Wrong) as e:
                text = str(e)
            finally:
                os.write(told, text.encode())
                os._exit(0)
        os.close(told)
        try:
            with os.fdopen(out, encoding="ascii") as f:
                said = f.read()
        finally:
            os.waitpid(pid, 0)
            cgroup.end()
        count = stats()["limit-mem"] - before
        words = said.split()
        expect(len(words) == 3 and all(w.lstrip("-").isdigit() for w in words),
               said or "it died")
        n, over, kills = map(int, words)
        text = (f"{n} times, {over >> 10} kB above the limit, {kills} killed, "
                f"{count} times limit-mem")
        expect(count and not kills and over <= OVER, text)
        expect(n <= GROUP // MUCH + 64, text)
        return text


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))
    test = Test(*sys.argv[-2:])
    for name, case, *each in (
            ("red blocks between green ones", "between_green"),
            ("blocks with a green end", "green_in_it"),
            ("blocks between those that were claimed", "between_claimed"),
            ("a block of each of many sockets", "of_many"),
            ("blocks of a byte", "bytes_"),
            ("blocks in two pieces", "in_two"),
            ("pages of the sender", "of_pages", PIECES * mmap.PAGESIZE)):
        # Where memory is checked there is no time for as many.
        if case != "bytes_" or "LTP_DEBUG" not in os.environ:
            test.check(f"pinned is charged: {name}", test.true, case, *each)
    test.check("SO_SNDBUF stops it", test.sndbuf)
    test.check("net.ltp.mem stops it", test.machine)
    test.check("the memory cgroup stops it", test.group)
    print(f"1..{test.n}")
    return 1 if test.failed else 0


sys.exit(main())
