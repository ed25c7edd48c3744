#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Every shape of buffer that a stack can hand up, and every way to read.

Whole sessions that a grammar bends (grammar.py) go to an engine in buffers of
all shapes (ways.py); what must come of them, and what may be reported, a model
says that knows datagrams only (model.py).

    buffers.py                  for FUZZ_BUFFERS or FUZZ_TIME seconds (120)
    FUZZ_REPLAY="A [B]..."      only the inputs of these numbers, as printed
    FUZZ_SEED=NUMBER            what everything is made from; printed

An input is made from its number alone, but for session numbers, which no two
inputs of a run share.
"""

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import random
import re
import socket
import struct
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "peer")]

# pylint: disable=wrong-import-position
import app  # noqa: E402
import codec  # noqa: E402
import grammar  # noqa: E402
import model  # noqa: E402
import ways  # noqa: E402

RDM, DGRAM = 5, 6
SERVICES = {RDM: "rdm", DGRAM: "dgram"}
SIOCINQ = 0x541B
F_SETPIPE_SZ = 1031
MSG_EOR, MSG_TRUNC, MSG_PEEK = socket.MSG_EOR, socket.MSG_TRUNC, socket.MSG_PEEK
BLOCK_MAX = 64 << 20
UNREACH = 1
BUFFERS_MAX = 12
SLOW = float(os.environ.get("LTP_SLOW", "1"))
PATIENCE = 10 * SLOW
BAD = re.compile(r"WARNING:|BUG:|Oops|KASAN|UBSAN|divide error|Kernel panic|suspicious RCU|"
                 r"possible .*deadlock|INFO: (task|rcu)|refcount_t|ODEBUG|skbuff: ")
# A second of each fuzzing must have brought so many.
INPUTS_A_SECOND = 2
# How to repeat the input that is being tried, should the kernel die of it.
RECORD = os.path.join(os.environ.get("LTP_RESULTS", "/tmp"), "fuzz-buffers.input")


def again_by(number):
    return f"again by: REPLAY={number} selftests/fuzz/fuzz.sh buffers"


class Failure(Exception):
    """It is not as the model says."""


class Socket:
    """A socket that reads what the model says must come, by all ways."""

    def __init__(self, kind, service):
        self.ltp = app.LtpSocket(kind)
        self.ltp.option(app.RCVBUF, BLOCK_MAX)
        self.ltp.bind(1, service)
        self.sock = self.ltp.sock
        self.fd = self.sock.fileno()
        self.dgram = kind == "dgram"
        self.service = service
        self.counts = {}
        self.pipe = os.pipe()
        fcntl.fcntl(self.pipe[0], F_SETPIPE_SZ, 1 << 20)
        # The second page is none.
        self.guard = mmap.mmap(-1, 1 << 20)
        self.guard_at = ctypes.addressof(ctypes.c_char.from_buffer(self.guard))
        self.guard_size = (1 << 20) - mmap.PAGESIZE
        if app.LIBC.mprotect(ctypes.c_void_p(self.guard_at + self.guard_size),
                             ctypes.c_size_t(mmap.PAGESIZE), 0):
            raise ways.Unusable("mprotect")
        # Of the item that is read next, and what was done so far.
        self.item, self.at = None, 0
        self.did = []

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1
        self.did.append(what)

    def inq(self):
        value = fcntl.ioctl(self.fd, SIOCINQ, struct.pack("=i", -1))
        return struct.unpack("=i", value)[0]

    def fail(self, what):
        raise Failure(f"{SERVICES[self.service]}: {what}; at {self.at} of {self.item}; "
                      f"by {', '.join(self.did[-6:])}")

    def discard(self, vague):
        """Takes what is next as long as it is of these sessions."""
        while True:
            info = self.peek()
            if info is None or info[:2] not in vague:
                return
            self.count("vague")
            self.sock.recv(1 << 20)

    def check(self, rand, queue, vague):
        """Reads all of what must be there, and then nothing."""
        left = list(queue)
        queue.clear()
        while left:
            self.item = left.pop(0)
            self.at = 0
            self.discard(vague)
            if (self.item.session.originator, self.item.session.number) in vague:
                continue
            if self.item.optional and not self.is_next():
                continue
            self.read(rand)
        self.item, self.at = None, 0
        self.discard(vague)
        if self.inq():
            self.fail(f"SIOCINQ is {self.inq()} where nothing must be left: {self.peeked()}")
        try:
            got = self.sock.recv(100, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        self.fail(f"{len(got)} bytes of more than there must be")

    def peek(self):
        """What is first, by (originator, session, offset, length, flags)"""
        try:
            _, control, _, _ = self.sock.recvmsg(0, 256, MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        return self.info(control)

    def peeked(self):
        info = self.peek()
        return info and "o={} s={} {} of {} flags={}".format(*info)

    def is_next(self):
        info = self.peek()
        s = self.item.session
        return info is not None and info[:3] == (s.originator, s.number, self.item.offset) and \
            bool(info[4] & app.RX_RED) == self.item.red and info[3] == len(self.item.data)

    def info(self, control):
        for level, name, value in control:
            if level == app.SOL_LTP and name == app.RXINFO:
                return struct.unpack("=4QII", value)[:5]
        return None

    def described(self, control, address):
        """What comes along with the bytes"""
        item = self.item
        s = item.session
        info = self.info(control)
        flags = (app.RX_RED if item.red else 0) | (app.RX_EOB if item.eob else 0)
        want = s.originator, s.number, item.offset + self.at, len(item.data), flags
        if info != want:
            self.fail(f"rxinfo is {info}, not {want}")
        if address is not None:
            name = struct.pack("=HIQQ", 0, 0, s.originator, s.service)
            # Python shows 14 octets of an address that it does not know.
            if address[0] != app.AF_LTP or address[1] != name[:len(address[1])]:
                self.fail(f"from {address}")

    def left(self):
        return len(self.item.data) - self.at

    def same(self, got, size, peek=False):
        """These are the next bytes of the item, as many as there had to be."""
        want = self.item.data[self.at:self.at + size]
        if got != want:
            at = next((n for n, (a, b) in enumerate(zip(got, want)) if a != b),
                      min(len(got), len(want)))
            self.fail(f"{len(got)} bytes for {len(want)}, and not those: from {at} on "
                      f"{bytes(got[at:at + 16]).hex()}, not {want[at:at + 16].hex()}")
        if not peek:
            self.at += len(got)

    def read(self, rand):
        """One item."""
        item = self.item
        while True:
            left = self.left()
            if rand.random() < 0.3:
                self.count("SIOCINQ")
                inq = self.inq()
                if inq != left:
                    self.fail(f"SIOCINQ is {inq}, not {left}")
            if rand.random() < 0.2:
                self.look(rand)
            size = left
            if rand.random() < 0.4 and left:
                size = rand.choice((0, 1, rand.randrange(left), rand.randrange(left) // 50))
            elif rand.random() < 0.5:
                size = left + rand.randrange(100)
            ways_out = [self.message, self.message, self.vector, self.plain, self.truncating]
            if not self.dgram:
                ways_out.append(self.faulty)
            if left:
                ways_out.append(self.splice)
            try:
                over = rand.choice(ways_out)(rand, size)
            except BlockingIOError:
                self.fail("nothing is there")
            if over:
                return

    def ended(self, size, flags):
        """Whether the item is over, and what the flags must be."""
        whole = size >= len(self.item.data) - self.at
        want = MSG_EOR if whole else MSG_TRUNC if self.dgram else 0
        if flags & (MSG_EOR | MSG_TRUNC) != want:
            self.fail(f"flags {flags:#x}, not {want:#x}, with room for {size}")
        return whole or self.dgram

    def look(self, rand):
        """Without taking."""
        self.count("MSG_PEEK")
        size = rand.choice((0, 1, self.left(), rand.randrange(self.left() + 1)))
        got, control, flags, address = self.sock.recvmsg(size, 256,
                                                         MSG_PEEK | socket.MSG_DONTWAIT)
        self.described(control, address)
        self.ended(size, flags)
        self.same(got, size, True)
        if rand.random() < 0.5:
            n = self.sock.recv_into(bytearray(1), 0, MSG_PEEK | MSG_TRUNC)
            if n != self.left():
                self.fail(f"MSG_PEEK | MSG_TRUNC returns {n}, not {self.left()}")

    def message(self, rand, size):
        self.count("recvmsg")
        got, control, flags, address = self.sock.recvmsg(size, 256)
        self.described(control, address)
        over = self.ended(size, flags)
        self.same(got, size)
        return over

    def vector(self, rand, size):
        """Into several buffers, some of them empty."""
        self.count("recvmsg into several")
        parts, left = [], size
        while left and len(parts) < 60:
            some = min(left, rand.choice((0, 1, 7, rand.randrange(left + 1), left // 40)))
            parts.append(bytearray(some))
            left -= some
        parts.append(bytearray(left))
        n, control, flags, address = self.sock.recvmsg_into(parts, 256)
        self.described(control, address)
        over = self.ended(size, flags)
        self.same(b"".join(parts)[:n], size)
        return over

    def plain(self, rand, size):
        """read() tells neither who nor whether it was all."""
        self.count("read")
        left, size = self.left(), max(1, size)
        self.same(os.read(self.fd, size), size)
        return self.dgram or size >= left

    def truncating(self, rand, size):
        """MSG_TRUNC tells how much there was."""
        self.count("MSG_TRUNC")
        left = self.left()
        into = bytearray(max(1, size))
        size = len(into)
        n = self.sock.recv_into(into, size, MSG_TRUNC)
        if n != left:
            self.fail(f"MSG_TRUNC returns {n}, not {left}")
        size = min(size, left)
        self.same(bytes(into[:size]), size)
        return self.dgram or size >= left

    def faulty(self, rand, size):
        """Into memory that ends too soon: what was not copied comes again."""
        self.count("into nowhere")
        left = self.left()
        room = rand.choice((0, 1, rand.randrange(left + 1)))
        room = min(room, self.guard_size, size)
        at = self.guard_at + self.guard_size - room
        n = app.LIBC.recv(self.fd, ctypes.c_void_p(at), ctypes.c_size_t(size), 0)
        if n < 0:
            if ctypes.get_errno() != errno.EFAULT or min(size, left) <= room:
                self.fail(f"recv(): {os.strerror(ctypes.get_errno())}")
            return False
        if n > min(room, left) or (n < room and n < min(size, left) <= room):
            self.fail(f"recv() returns {n} of {size} with room for {room}")
        first = self.guard_size - room
        self.same(self.guard[first:first + n], n)
        return n >= left

    def splice(self, rand, size):
        """Into a pipe; it may take less than it was asked to."""
        self.count("splice")
        left = self.left()
        size = max(1, min(size, left))
        try:
            n = os.splice(self.fd, self.pipe[1], size)
        except BlockingIOError:
            self.fail("splice() found nothing")
        if not 0 < n <= size:
            self.fail(f"splice() returns {n} of {size}")
        self.same(os.read(self.pipe[0], n), n)
        if self.dgram and not self.item.red:
            return True
        return n >= left


class Kmsg:
    """What the kernel complains of."""

    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.fd, 0, os.SEEK_END)

    def complaints(self):
        out = []
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    line = os.read(self.fd, 8192).decode(errors="replace")
                except BrokenPipeError:
                    continue
                line = line.split(";", 1)[-1].split("\n", 1)[0]
                if out or BAD.search(line):
                    out.append(line)
        return out


class Fuzzer:
    """Inputs, one after the other."""

    def __init__(self, world, seed):
        self.world, self.seed = world, seed
        self.socks = {service: Socket(kind, service) for service, kind in SERVICES.items()}
        self.blob = random.Random(18).randbytes(grammar.BLOB) * 2
        self.used = set()
        self.counts = {}
        self.inputs = self.buffers = self.items = self.reports = 0
        self.bytes = 0
        self.kmsg = Kmsg()
        self.record = os.open(RECORD, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self.story = []
        self.pings = 0
        self.began = time.monotonic()

    def count(self, what, n=1):
        self.counts[what] = self.counts.get(what, 0) + n

    def number(self, rand):
        """Of a session; another each time."""
        while True:
            number = rand.getrandbits(rand.choice((7, 14, 21, 28, 35, 49, 62, 63, 64)))
            if number not in self.used:
                self.used.add(number)
                return number

    def run(self, number):
        """The input of this number."""
        rand = random.Random(number)
        # How many signals it takes is not for the input to say.
        self.other = random.Random(number)
        self.story = [f"input {number}"]
        # If the kernel dies of it, this tells of what.
        line = f"{again_by(number)} # {time.monotonic() - self.began:.0f} s"
        os.pwrite(self.record, line.ljust(79).encode() + b"\n", 0)
        way = rand.choice(self.world.ways)
        self.engine = model.Engine({way.originator}, SERVICES, BLOCK_MAX)
        self.way = way
        self.to_ack = []
        stride = self.stride(rand, way)
        most = max(1, min(ways.SEGMENTS_MAX, way.most // stride))
        made = grammar.Grammar(rand, self.blob, way.originator, tuple(SERVICES),
                               lambda: self.number(rand),
                               lambda: self.size(rand, stride * most))
        self.story.append(f"{way.name} stride {stride}: {made.temper}")
        acks = rand.random() < 0.3
        early = rand.random() < 0.3
        for _ in range(BUFFERS_MAX):
            self.buffer(rand, made, stride, most)
            if acks:
                self.answers()
                self.acknowledge()
            if early:
                self.read(rand)
            if made.done():
                break
        self.finish()
        self.read(rand)
        self.inputs += 1
        self.count("vague sessions", len(self.engine.vague))
        for what, n in made.counts.items():
            self.count(what, n)

    def stride(self, rand, way):
        most = min(way.mtu, way.most)
        size = rand.choice((rand.randrange(1, 60), rand.randrange(1, 60),
                            rand.randrange(10, 300), rand.randrange(200, 1473),
                            rand.randrange(1000, 33000), rand.randrange(1, 65508)))
        return min(size, most)

    def size(self, rand, room):
        """Of a block, so that it takes a buffer or a few."""
        top = max(2, min(300000, room * 2))
        return rand.choice((1, rand.randrange(1, top), rand.randrange(1, max(2, top // 8)),
                            rand.randrange(1, 40)))

    def buffer(self, rand, made, stride, most):
        way = self.way
        shape = rand.choice(way.shapes)
        if shape.__name__ == "segments":
            again = rand.random() < 0.1
            # What is all header is short.
            if made.temper.empty and rand.random() < 0.5:
                again, stride = True, rand.randrange(16, 100)
            elif again:
                stride = self.stride(rand, way)
            if again:
                most = max(1, min(ways.SEGMENTS_MAX, way.most // stride))
            datagrams = made.coalesced(stride, most)
        elif shape.__name__ == "several":
            datagrams = [made.datagram(rand.choice((stride, stride, rand.randrange(1, stride + 1))))
                         for _ in range(rand.randrange(1, min(rand.choice((5, 10, 40)), most) + 1))]
        else:
            datagrams = [made.datagram(rand.choice((
                stride, way.most, rand.randrange(1, way.most + 1))))]
        # Of how many buffers it will be, the stack decides: of one, none is lost.
        if shape.__name__ in ("segments", "several"):
            total, keep = 0, 0
            for data in datagrams:
                total += model.attempts(data)
                if keep and total > model.SEGMENTS_MAX:
                    break
                keep += 1
            datagrams = datagrams[:keep]
        sent = way.send(rand, shape, datagrams)
        self.story.append(f"{shape.__name__} {len(sent)} of {len(datagrams)} datagrams: "
                          f"{' '.join(map(str, map(len, datagrams[:8])))}{way.note[:200]}")
        for data in sent[:64 if len(sent[0]) < 100 else 8] if sent else ():
            self.story.append(f"  {data[:64].hex()}{'' if len(data) <= 64 else '…'}")
        self.engine.buffer(way.originator, sent)
        self.buffers += 1
        self.bytes += sum(map(len, sent))

    def answers(self):
        """Whatever the engine said meanwhile; returns the CAS among it."""
        pings = []
        for data in self.way.drain():
            try:
                seg = codec.decode(data)
            except codec.Malformed as e:
                raise Failure(f"an answer is malformed: {e}: {data.hex()}") from e
            if seg.type == codec.RS:
                self.reports += 1
                wrong = self.engine.report(seg)
                if wrong:
                    raise Failure(f"{seg}: {wrong}")
                self.to_ack.append(seg)
            elif seg.type == codec.CR:
                s = self.engine.sessions.get((seg.originator, seg.session))
                refused = seg.reason == UNREACH and \
                    (seg.originator, seg.session) in self.engine.refused
                if s and not s.ended and not refused:
                    raise Failure(f"{seg}: a session without a fault; {s.claims} of "
                                  f"{s.red_length} claimed")
                self.count("CR")
            elif seg.type == codec.CAS:
                pings.append(seg.session)
        return pings

    def acknowledge(self):
        """The reports so far."""
        if not self.to_ack:
            return
        pairs = [(seg.session, seg.rs) for seg in self.to_ack]
        for seg in self.to_ack:
            self.engine.acked(seg)
        self.to_ack = []
        for data in grammar.acks(pairs, self.way.originator):
            self.way.single(self.other, [data])

    def wait(self, numbers, also=lambda: True):
        """All that was sent has been looked at: a CAS each answers a CS."""
        self.pings += 1
        ping = 1 << 63 | self.pings
        numbers = set(numbers)
        until = time.monotonic() + PATIENCE
        datagrams = grammar.cancels(self.way.originator, sorted(numbers) + [ping])
        missing = {ping}
        again = 0
        while missing or not also():
            now = time.monotonic()
            if now >= until:
                raise Failure(f"no answer from {self.way.name} in {PATIENCE:.0f} s" if missing
                              else "reports are missing of " + "; ".join(
                                  f"s={s.number}: {s.claims} of {s.red_length}"
                                  for s in self.engine.unclaimed()))
            if missing and now >= again:
                for data in datagrams:
                    self.way.single(self.other, [data])
                again = now + SLOW
            missing.difference_update(self.answers())
            if missing or not also():
                self.way.wait(0.05)

    def finish(self):
        """All is in, and all sessions end."""
        credit = self.limited
        self.wait((), lambda: not self.engine.unclaimed() or self.limit(credit))
        self.acknowledge()
        for key in self.engine.sessions:
            s = self.engine.sessions[key]
            if not s.ended:
                s.ended = s.cancelled = True
        self.wait(key[1] for key in self.engine.sessions)
        self.to_ack = []

    limited = 0

    def limit(self, before):
        """Whether answers were too many for what was sent."""
        now = stats()
        self.limited = now["limit-answers"] + now["limit-control"]
        return self.limited > before

    def read(self, rand):
        for service, sock in self.socks.items():
            self.items += len(self.engine.queues[service])
            sock.check(rand, self.engine.queues[service], self.engine.vague)


def stats():
    """Counters of the engine."""
    text = ways.run("ltp -j stats show engine 1")
    return {name: int(value) for name, value in re.findall(r'"([a-z-]+)": ?(\d+)', text)}


class Report:
    """KTAP."""

    def __init__(self):
        self.n = self.bad = 0
        print("TAP version 13")

    def result(self, name, problem):
        self.n += 1
        if problem:
            self.bad += 1
            for line in problem:
                print(f"# {line}")
        print(f"{'not ok' if problem else 'ok'} {self.n} - {name}", flush=True)

    def end(self):
        print(f"1..{self.n}")
        return 1 if self.bad else 0


def fuzz(fuzzer, seconds, numbers):
    """What went wrong, as lines"""
    began = time.monotonic()
    told = began
    for number in numbers:
        try:
            fuzzer.run(number)
            wrong = fuzzer.kmsg.complaints() if fuzzer.inputs % 10 == 0 else []
        except Failure as e:
            wrong = [str(e)] + fuzzer.kmsg.complaints()
        if wrong:
            return wrong + [f"after {time.monotonic() - began:.0f} s", again_by(number)] + \
                fuzzer.story
        now = time.monotonic()
        if now - told > 30:
            told = now
            print(f"# {now - began:.0f} s: {fuzzer.inputs} inputs, {fuzzer.buffers} buffers, "
                  f"{fuzzer.items} deliveries", flush=True)
        if now - began >= seconds:
            break
    return fuzzer.kmsg.complaints()


def least(counts, names, n):
    """Which of these were not there often enough"""
    return [f"{name}: {counts.get(name, 0)}, at least {n} wanted" for name in names
            if counts.get(name, 0) < n]


def dump_cover():
    """Which code was run, if the module was built to tell."""
    parameter = "/sys/module/ltp/parameters/cover_dump"
    if os.path.exists(parameter):
        with open(parameter, "w", encoding="ascii") as f:
            f.write(os.path.join(os.environ.get("LTP_RESULTS", "/tmp"), "fuzz_buffers.cover"))


def covered(fuzzer, report, seconds):
    """That it did what it is for."""
    after = stats()
    n = max(1, int(seconds / 60 / SLOW))
    print("# " + ", ".join(f"{k} {v}" for k, v in sorted(fuzzer.counts.items())))
    problem = []
    want = int(INPUTS_A_SECOND * seconds / SLOW)
    if fuzzer.inputs < want:
        problem.append(f"{fuzzer.inputs} inputs, at least {want} wanted")
    report.result("inputs", problem)
    problem = []
    for way in fuzzer.world.ways:
        print(f"# {way.name}: {way.used} refused {way.refused}"
              f"{' ' + str(getattr(way, 'kinds', ''))}")
        names = [shape.__name__ for shape in way.shapes if shape.__name__ != "single"]
        problem += [f"{way.name}: {line}" for line in least(way.used, names, 1)]
        for kind in (ways.GSO_NONE, ways.GSO_UFO, ways.GSO_L4) if hasattr(way, "kinds") else ():
            if (kind, True) not in way.kinds:
                problem.append(f"{way.name}: no gso_type {kind} was taken")
    report.result("ways in", problem)
    problem = []
    for sock in fuzzer.socks.values():
        print(f"# {SERVICES[sock.service]}: {sock.counts}")
        names = ["recvmsg", "recvmsg into several", "read", "MSG_PEEK", "MSG_TRUNC",
                 "SIOCINQ", "splice"] + ([] if sock.dgram else ["into nowhere"])
        problem += [f"{SERVICES[sock.service]}: {line}"
                    for line in least(sock.counts, names, 10 * n)]
    report.result("ways out", problem)
    report.result("bends", least(fuzzer.counts, (
        "zero-length", "zero-length and full", "empty first", "padded", "extended", "large",
        "checkpoint",
        "several a datagram", "lie", "wrong", "control", "tail",
        "cut", "flip"), n) + least(fuzzer.counts, ("a thousand a datagram",), 1))
    print("# " + ", ".join(f"{k} {v}" for k, v in after.items() if v))
    report.result("counters", least(after, (
        "rx-skbs", "rx-coalesced", "rx-duplicate-bytes", "blocks-received", "green-received",
        "tx-reports", "drop-checksum", "drop-malformed", "drop-no-service", "drop-closed",
        "drop-miscolored"), 1))


def main():
    """The kernel kills who runs into its faults: another process tells of that."""
    began = time.monotonic()
    pid = os.fork()
    if not pid:
        return explore()
    status = os.waitpid(pid, 0)[1]
    if os.WIFEXITED(status):
        return os.WEXITSTATUS(status)
    print(f"# killed by signal {os.WTERMSIG(status)} after {time.monotonic() - began:.0f} s")
    with contextlib.suppress(OSError), open(RECORD, encoding="ascii") as f:
        print(f"# {f.read().strip()}")
    print("not ok 1 - the kernel lives\n1..1")
    return 1


def explore():
    replay = [int(word) for word in os.environ.get("FUZZ_REPLAY", "").split()]
    seconds = float(os.environ.get("FUZZ_BUFFERS") or os.environ.get("FUZZ_TIME") or 120)
    seed = int(os.environ.get("FUZZ_SEED") or 0) or random.SystemRandom().getrandbits(31)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    report = Report()
    world = None
    try:
        world = ways.World(app.Namespace)
        world.make()
        fuzzer = Fuzzer(world, seed)
        if replay:
            report.result("replay", fuzz(fuzzer, 1e9, replay))
            return report.end()
        print(f"# FUZZ_SEED={seed}", flush=True)
        rand = random.Random(seed)
        began = time.monotonic()
        wrong = fuzz(fuzzer, seconds, iter(lambda: rand.getrandbits(40), None))
        took = time.monotonic() - began
        print(f"# {fuzzer.inputs} inputs, {fuzzer.buffers} buffers, {fuzzer.bytes} bytes, "
              f"{fuzzer.items} deliveries, {fuzzer.reports} reports in {took:.0f} s, "
              f"{fuzzer.inputs / took:.1f} inputs a second")
        report.result("what comes is what must come", wrong)
        dump_cover()
        if not wrong:
            covered(fuzzer, report, seconds)
        return report.end()
    except ways.Unusable as e:
        print(f"Bail out! {e}")
        return 1
    finally:
        if world:
            world.close()


if __name__ == "__main__":
    sys.exit(main())
