#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Buffers of every shape: shapes.py NEAR FAR.

NEAR and FAR are network namespaces, as shapes.sh makes them.  In NEAR is engine
1; its peers 3, in FAR, and 4, behind a tun device, are sockets and files of this
program.  Prints TAP.
"""

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import time

import app
from app import SLOW, eventually
from cgroup import Skip
from codec import sdnv
from memory import Memory

NEAR, PEER, TUN_NEAR, TUN_PEER = ("10.18.1.1", "10.18.1.3", "10.19.0.1",
                                  "10.19.0.2")
RED, EOB, GREEN, GREEN_EOB = 0, 3, 4, 7
SERVICE = {"rdm": 5, "dgram": 6}
SOL_UDP, UDP_SEGMENT, FIONREAD = 17, 103, 0x541B
TUNSETOFFLOAD = 0x400454D0
# struct virtio_net_hdr
GSO_UDP, GSO_UDP_L4 = 3, 5
# Segments of four before which there are some without data
PLACES = ((0,), (1,), (3,), (0, 1), (0, 2), (0, 1, 2, 3))
# Bytes of a block that just fits, and large datagrams of which little is kept
FITS, LARGE = 256 << 10, 1500
# What repeats itself here is content() of a session
PATTERN = bytes((i * 7 + (i >> 8)) & 0xFF for i in range(1 << 16))


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


def content(session, start, length):
    """Bytes that no other block, and no other place of it, has there."""
    first = start % len(PATTERN)
    some = PATTERN * ((first + length) // len(PATTERN) + 1)
    return some[first:first + length].translate(
        bytes((session * 101 + k) & 0xFF for k in range(256)))


def segment(kind, session, start, length, size=0, who=3, service=5):
    """A data segment, whose numbers are padded until it has @size octets."""
    numbers = [who, session, service, start, length]
    if kind in (1, 2, EOB):
        numbers += [session + 1, 0]
    spare = max(0, size - 2 - length - sum(len(sdnv(n)) for n in numbers))
    out = bytes([kind])
    for k, number in enumerate(numbers):
        pad = min(spare, 10 - len(sdnv(number)))
        spare -= pad
        out += sdnv(number, pad) + (b"\0" if k == 1 else b"")
    if spare:
        raise ValueError(f"{size} octets are too many")
    return out + content(session, start, length)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


class Tun:
    """A device that hands up what is written to it, as a guest's would."""

    def __init__(self):
        self.fd = os.open("/dev/net/tun", os.O_RDWR)
        # IFF_TUN | IFF_NO_PI | IFF_VNET_HDR
        fcntl.ioctl(self.fd, 0x400454CA, struct.pack("16sH", b"t0", 0x5001))
        # Linux 6.2 is the first to know GSO_UDP_L4 here.
        try:
            # TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6
            fcntl.ioctl(self.fd, TUNSETOFFLOAD, 0x61)
            self.cuts = True
        except OSError:
            self.cuts = False
        subprocess.run(["ip", "-batch", "-"], check=True, text=True,
                       input=f"addr add {TUN_NEAR}/24 dev t0\nlink set t0 up\n")

    def send(self, payload, gso_type, gso_size):
        source, to = map(socket.inet_aton, (TUN_PEER, TUN_NEAR))
        length = 8 + len(payload)
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + length, 7, 0, 64, 17, 0,
                         source, to)
        ip = ip[:10] + struct.pack(">H", 0xFFFF & ~checksum(ip)) + ip[12:]
        pseudo = checksum(source + to + struct.pack(">HH", 17, length))
        udp = struct.pack(">HHHH", 1113, 1113, length, pseudo)
        # The checksum is for the receiver to complete.
        head = struct.pack("<BBHHHH", 1, gso_type, 28, gso_size, 20, 6)
        os.write(self.fd, head + ip + udp + payload)


class Test:
    """What all checks share."""

    def __init__(self, near, far):
        self.near, self.far = app.Namespace(near), app.Namespace(far)
        self.n = self.failed = 0
        self.last = 1000
        self.far.enter()
        self.peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.peer.bind((PEER, 1113))
        self.peer.connect((NEAR, 1113))
        self.near.enter()
        ltp("engine", "add", 1)
        ltp("span", "add", "engine", 1, "to", 3, "addr", PEER, "rate",
            "unlimited", "margin", "10s", "max-retries", 1)
        self.sockets = {}
        for kind, service in SERVICE.items():
            self.sockets[kind] = app.LtpSocket(kind)
            self.sockets[kind].bind(1, service)

    def check(self, name, function, *words):
        self.n += 1
        began = time.time()
        said = skip = None
        try:
            said = function(*words)
            ok = True
        except Skip as e:
            ok, skip = True, f"# SKIP {e}"
        except Wrong as e:
            ok, said = False, str(e)
        except (OSError, subprocess.CalledProcessError) as e:
            ok, said = False, f"{type(e).__name__}: {e}"
        self.failed += not ok
        if said:
            print("#", said)
        print(f"{'ok' if ok else 'not ok'} {self.n} - {name}",
              skip or f"# {time.time() - began:.1f} s", flush=True)

    def new(self):
        self.last += 1
        return self.last

    def send(self, datagrams):
        """All in one buffer.  All but the last are as long as the first."""
        stride = len(datagrams[0])
        self.peer.sendmsg([b"".join(datagrams)], [
            (SOL_UDP, UDP_SEGMENT, struct.pack("=H", stride))])

    # --- readers: each returns the bytes of one delivery ------------------

    @staticmethod
    def waiting(sock):
        """What SIOCINQ says"""
        answer = fcntl.ioctl(sock.sock.fileno(), FIONREAD, struct.pack("i", 0))
        return struct.unpack("i", answer)[0]

    def whole(self, sock):
        return sock.sock.recv(1 << 20)

    def short(self, sock):
        """Seven octets at a time"""
        out = b""
        while True:
            data, _, flags, _ = sock.sock.recvmsg(7)
            out += data
            if flags & socket.MSG_EOR:
                return out

    def looked(self, sock):
        """Looked at before, by half"""
        first = sock.sock.recv(max(1, self.waiting(sock) // 2), socket.MSG_PEEK)
        out = sock.sock.recv(1 << 20)
        expect(out.startswith(first), "what was seen at first is not there")
        return out

    def spliced(self, sock):
        """Through a pipe"""
        inlet, outlet = os.pipe()
        out = b""
        try:
            left = self.waiting(sock)
            while len(out) < left:
                done = os.splice(sock.sock.fileno(), outlet, left - len(out))
                out += os.read(inlet, done)
        finally:
            os.close(inlet)
            os.close(outlet)
        return out

    def got(self, sock, session, pieces, read):
        """The block comes, in these deliveries."""
        for start, length in pieces:
            expect(sock.wait(1, 5 * SLOW), f"{start}..{start + length} of "
                   f"session {session} did not come: {stats()}")
            left = self.waiting(sock)
            data = read(sock)
            expect(data == content(session, start, length),
                   f"other bytes than {start}..{start + length} of {session}")
            expect(left == length, f"SIOCINQ said {left}, not {length}")
        expect(not sock.wait(1, 0), "something else came")

    # --- checks ----------------------------------------------------------

    def empty(self, kind, green):
        """A segment without data at each place among coalesced ones."""
        sock, n = self.sockets[kind], 0
        readers = [self.whole, self.looked, self.spliced]
        if kind == "rdm":
            readers.append(self.short)
        for size in (25, 40):
            for places in PLACES[:6 if size == 25 else 1]:
                for read in readers:
                    session, at, some, pieces = self.new(), 0, [], []
                    for k in range(4):
                        if k in places:
                            some.append(segment(GREEN if green else RED,
                                                session, at, 0, size,
                                                service=SERVICE[kind]))
                        type_ = (GREEN, RED)[not green]
                        if k == 3:
                            type_ = (GREEN_EOB, EOB)[not green]
                        length = 5 if k else 4
                        some.append(segment(type_, session, at, length, size,
                                            service=SERVICE[kind]))
                        pieces.append((at, length))
                        at += length
                    expect({len(d) for d in some} == {size}, "not of one size")
                    self.send(some)
                    self.got(sock, session, pieces if green else [(0, at)],
                             read)
                    n += 1
        return f"{n} blocks"

    def between(self, kind, green):
        """A datagram that is none of ours, or only begins as one, among coalesced
        ones that go on as if it were not there"""
        sock, n = self.sockets[kind], 0
        readers = [self.whole, self.looked, self.spliced]
        if kind == "rdm":
            readers.append(self.short)
        for size in (30, 40):
            for place in (1, 2, 3):
                for read in readers:
                    session, at, some, pieces = self.new(), 0, [], []
                    cancel = bytes([13]) + sdnv(3) + sdnv(session) + b"\0"
                    for k in range(4):
                        if k == place:
                            begins = n % 2 * cancel
                            some.append(begins + b"\xff" * (size - len(begins)))
                        type_ = (GREEN, RED)[not green]
                        if k == 3:
                            type_ = (GREEN_EOB, EOB)[not green]
                        some.append(segment(type_, session, at, 6, size,
                                            service=SERVICE[kind]))
                        pieces.append((at, 6))
                        at += 6
                    self.send(some)
                    self.got(sock, session, pieces if green else [(0, at)],
                             read)
                    n += 1
        return f"{n} blocks"

    def whole_datagram(self):
        """60 KB in one datagram, which comes in IP fragments"""
        sock, session = self.sockets["rdm"], self.new()
        data = segment(EOB, session, 0, 60000)
        self.peer.send(data)
        self.got(sock, session, [(0, 60000)], self.whole)

    def crowded(self):
        """Thousands of segments in one datagram: the first thousand count"""
        before, session = stats(), self.new()
        some = [segment(EOB, session, 0, 30)]
        while sum(map(len, some)) < 60000:
            some.append(header(RED, session + 1, 2 * len(some), 0, 5))
        self.new()
        self.peer.send(b"".join(some))
        self.got(self.sockets["rdm"], session, [(0, 30)], self.whole)
        expect(eventually(lambda: stats()["limit-segments"] ==
                          before["limit-segments"] + 1, 5), "it was not counted")
        many = stats()["rx-segments"] - before["rx-segments"]
        expect(many == 1024, f"{many} segments were read")

    def behind_tun(self):
        tun = Tun()
        ltp("span", "add", "engine", 1, "to", 4, "addr", TUN_PEER, "rate",
            "unlimited", "margin", "10s", "max-retries", 1)
        return tun

    def large(self, tun, gso_size):
        """One datagram that a device would have sent in IP fragments"""
        before, session = stats(), self.new()
        tun.send(segment(EOB, session, 0, 8000, who=4), GSO_UDP, gso_size)
        self.got(self.sockets["rdm"], session, [(0, 8000)], self.whole)
        after = stats()
        for name, more in (("rx-datagrams", 1), ("rx-segments", 1),
                           ("drop-malformed", 0)):
            expect(after[name] - before[name] == more,
                   f"{name} {after[name] - before[name]}")

    def cut(self, tun):
        """Several datagrams from there"""
        if not tun.cuts:
            raise Skip("a kernel whose tun devices do not coalesce")
        before, session = stats(), self.new()
        some = [segment(RED, session, 100 * n, 100, 120, who=4) for n in range(9)]
        some.append(segment(EOB, session, 900, 30, who=4))
        tun.send(b"".join(some), GSO_UDP_L4, 120)
        self.got(self.sockets["rdm"], session, [(0, 930)], self.whole)
        many = stats()["rx-datagrams"] - before["rx-datagrams"]
        expect(many == 10, f"{many} datagrams")


    def fits(self, size, swapped):
        """A block as long as the number given for the receive buffer, in
        segments of so many octets that each come alone"""
        sock, session, some = app.LtpSocket("rdm"), self.new(), []
        sock.option(app.RCVBUF, FITS)
        sock.bind(1, 7)
        block = content(session, 0, FITS)
        for at in range(0, FITS, size):
            piece = block[at:at + size]
            last = at + size >= FITS
            some.append(header(EOB if last else RED, session, at, len(piece), 7)
                        + piece)
        if swapped:
            for k in range(0, len(some) - 3, 2):
                some[k], some[k + 1] = some[k + 1], some[k]
        before = stats()
        for n, datagram in enumerate(some):
            self.peer.send(datagram)
            if n % 64 == 0:
                time.sleep(0.001)
        try:
            expect(sock.wait(1, 10 * SLOW), f"it did not come: {stats()}")
            data = b""
            while len(data) < FITS:
                data += sock.sock.recv(FITS)
            expect(data == block, "other bytes than were sent")
            lost = stats()["drop-rcvbuf"] - before["drop-rcvbuf"]
            expect(not lost, f"{lost} dropped")
        finally:
            sock.close()

    def pinned(self, way):
        """Large datagrams, of each of which one octet is new"""
        for ns, dev in ((self.far, "b0"), (self.near, "a0")):
            ns.enter()
            subprocess.run(["ip", "link", "set", dev, "mtu", "65000"], check=True)
        sock, session = app.LtpSocket("rdm"), self.new()
        sock.option(app.RCVBUF, 64 << 20)
        sock.bind(1, 7)
        memory, before = Memory(), stats()
        try:
            for k in range(LARGE):
                if way == "overlaps":
                    data = header(RED, session, k, 50000, 7) + b"o" * 50000
                else:
                    kind = GREEN if way == "green" else RED
                    data = header(kind, session, 2 * k, 1, 7) + b"x"
                    data += b"\xff" * (60000 - len(data))
                self.peer.send(data)
            expect(eventually(lambda: stats()["rx-datagrams"] >=
                              before["rx-datagrams"] + LARGE, 20),
                   f"not all came: {stats()}")
            wrong, text = memory.wrong()
            expect(not wrong, text)
        finally:
            sock.close()
        return text


def header(kind, session, start, length, service):
    """What a segment of peer 3 begins with"""
    whole = segment(kind, session, start, length, service=service)
    return whole[:len(whole) - length]


def main():
    test = Test(*sys.argv[-2:])
    for kind in SERVICE:
        for green in (False, True):
            test.check(f"segments without data, {'green' if green else 'red'}, "
                       f"{kind}", test.empty, kind, green)
            test.check("what is none of ours between segments, "
                       f"{'green' if green else 'red'}, {kind}", test.between, kind, green)
    test.check("a datagram of IP fragments", test.whole_datagram)
    test.check("thousands of segments in a datagram", test.crowded)
    tun = test.behind_tun()
    test.check("a large datagram of a device that cuts it", test.large, tun, 1480)
    test.check("into pieces of one octet", test.large, tun, 1)
    test.check("datagrams of a device that coalesces", test.cut, tun)
    for size, swapped in (128, False), (1000, False), (1000, True):
        test.check(f"a block that fits, segments of {size} octets"
                   f"{', swapped' if swapped else ''}", test.fits, size, swapped)
    for way in ("red", "green", "overlaps"):
        test.check(f"one octet kept of each datagram, {way}", test.pinned, way)
    print(f"1..{test.n}")
    return 1 if test.failed else 0


sys.exit(main())
